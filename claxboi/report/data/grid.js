// Licensed under a 3-clause BSD style license - see LICENSE.rst
// A table of which only the rows in sight exist.

const ROW_HEIGHT = 32;
// Browsers draw nothing farther down than this; beyond it a step of the scrollbar is several rows.
const MOST_PIXELS = 8e6;
const SPARE = 6;

class Grid {
  constructor(root, { onOpen, onSort }) {
    this.root = root;
    this.onOpen = onOpen;
    this.onSort = onSort;
    this.rows = new Uint32Array(0);
    this.columns = [];
    this.active = { row: 0, column: 0 };
    this.head = h("div", { class: "head", role: "row", "aria-rowindex": 1 });
    this.space = h("div", { class: "space", role: "rowgroup" });
    this.body = h("div", { class: "body" }, this.head, this.space);
    fill(root, { role: "grid", tabindex: 0, "aria-label": "Sources" }, [this.body]);
    this.pool = [];
    this.scheduled = false;
    root.addEventListener("scroll", () => this.schedule(), { passive: true });
    root.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("click", (event) => this.onClick(event));
    new ResizeObserver(() => this.schedule()).observe(root);
  }

  setColumns(columns, sort) {
    this.columns = columns;
    this.sort = sort;
    const widths = columns.map(({ width }) => (typeof width === "number" ? `${width}px` : width));
    this.body.style.setProperty("--widths", widths.join(" "));
    this.body.style.setProperty("--total", `calc(${widths.join(" + ")})`);
    this.head.replaceChildren(...columns.map((column, k) => this.header(column, k)));
    fill(this.root, { "aria-colcount": columns.length }, []);
    this.pool.forEach((line) => line.remove());
    this.pool = [];
    this.schedule();
  }

  header(column, k) {
    const sorted = this.sort && this.sort.column === column;
    const unit = column.unit ? ` [${column.unit}]` : "";
    return h(
      "div",
      {
        role: "columnheader", "aria-colindex": k + 1, class: column.kind,
        "aria-sort": sorted ? (this.sort.down ? "descending" : "ascending") : "none",
      },
      h(
        "button",
        { type: "button", title: `${column.about || column.name}${unit}`, onclick: () => this.onSort(column) },
        h("span", {}, column.name),
        sorted ? h("i", { "aria-hidden": "true" }, this.sort.down ? "▾" : "▴") : null,
      ),
    );
  }

  setRows(rows) {
    this.rows = rows;
    this.active.row = Math.min(this.active.row, Math.max(rows.length - 1, 0));
    fill(this.root, { "aria-rowcount": rows.length + 1 }, []);
    this.space.style.height = `${Math.min(rows.length * ROW_HEIGHT, MOST_PIXELS)}px`;
    this.root.scrollTop = 0;
    this.active.row = 0;
    this.schedule();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.render();
    });
  }

  visible() {
    return Math.max(Math.floor((this.root.clientHeight - this.head.offsetHeight) / ROW_HEIGHT), 1);
  }

  // First row in sight, and where it is drawn.
  place() {
    const height = this.rows.length * ROW_HEIGHT;
    const top = this.root.scrollTop;
    if (height <= MOST_PIXELS) return { first: Math.floor(top / ROW_HEIGHT), shift: 0 };
    const most = MOST_PIXELS - this.visible() * ROW_HEIGHT;
    const first = Math.floor((top / most) * (this.rows.length - this.visible()));
    return { first, shift: top - first * ROW_HEIGHT };
  }

  render() {
    const { first, shift } = this.place();
    const start = Math.max(first - SPARE, 0);
    const stop = Math.min(first + this.visible() + SPARE, this.rows.length);
    while (this.pool.length < stop - start) this.addLine();
    let active = "";
    this.pool.forEach((line, k) => {
      const row = start + k;
      line.hidden = row >= stop;
      if (line.hidden) return;
      line.style.transform = `translateY(${row * ROW_HEIGHT + shift}px)`;
      line.setAttribute("aria-rowindex", row + 2);
      line.dataset.row = row;
      const isActive = row === this.active.row;
      line.classList.toggle("active", isActive);
      for (let c = 0; c < this.columns.length; c++) {
        const cell = line.children[c];
        this.columns[c].draw(cell, this.rows[row]);
        cell.classList.toggle("active", isActive && c === this.active.column);
        if (isActive && c === this.active.column) active = cell.id;
      }
    });
    if (active) this.root.setAttribute("aria-activedescendant", active);
    else this.root.removeAttribute("aria-activedescendant");
  }

  addLine() {
    const number = this.pool.length;
    const cells = this.columns.map((column, c) => h("div", {
      role: "gridcell", "aria-colindex": c + 1, id: `cell-${number}-${c}`, class: column.kind,
    }));
    const line = h("div", { class: "line", role: "row" }, cells);
    this.pool.push(line);
    this.space.append(line);
  }

  move(row, column) {
    this.active.row = Math.min(Math.max(row, 0), Math.max(this.rows.length - 1, 0));
    this.active.column = Math.min(Math.max(column, 0), this.columns.length - 1);
    this.reveal();
    this.schedule();
  }

  reveal() {
    const n = this.visible();
    const { first } = this.place();
    const row = this.active.row;
    if (row < first || row > first + n - 1) {
      const top = row < first ? row : row - n + 1;
      const height = this.rows.length * ROW_HEIGHT;
      this.root.scrollTop = height <= MOST_PIXELS
        ? top * ROW_HEIGHT
        : (top / (this.rows.length - n)) * (MOST_PIXELS - n * ROW_HEIGHT);
    }
    const cell = this.head.children[this.active.column];
    const fixed = this.head.children[0].offsetWidth;
    if (this.active.column && cell) {
      const left = cell.offsetLeft;
      if (left - fixed < this.root.scrollLeft) this.root.scrollLeft = left - fixed;
      const right = left + cell.offsetWidth - this.root.clientWidth;
      if (right > this.root.scrollLeft) this.root.scrollLeft = right;
    } else this.root.scrollLeft = 0;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.root) return;
    const { row, column } = this.active;
    const steps = {
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column],
      j: [row + 1, column], k: [row - 1, column],
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      PageDown: [row + this.visible(), column], PageUp: [row - this.visible(), column],
      Home: [0, column], End: [this.rows.length - 1, column],
    };
    if (event.key in steps) this.move(...steps[event.key]);
    else if (event.key === "Enter" && this.rows.length) this.onOpen(row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  onClick(event) {
    const cell = event.target.closest(".line > div");
    if (!cell) return;
    const row = Number(cell.parentElement.dataset.row);
    this.active = { row, column: [...cell.parentElement.children].indexOf(cell) };
    this.schedule();
    this.onOpen(row);
  }
}
