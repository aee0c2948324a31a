// Licensed under a 3-clause BSD style license - see LICENSE.rst
// The page: what is read, filtered, sorted and opened.

const header = JSON.parse(document.getElementById("header").textContent);
const { classes } = header;
const OUTLIER_PVALUE = 0.01;
const PRINTED = 100;
const LONGEST_NAMES = 40;
const WIDTHS = { number: 92, category: 116, text: 168, probability: 70, scientific: 116 };

const report = {
  header,
  classes,
  columns: new Map(header.columns.map((column) => [column.name.toLowerCase(), column])),
  posterior: classes.map(({ name }) => header.columns.find((column) => column.name === `P_${name}`)),
  hasPositions: ["ra", "dec"].every((name) => header.columns.some((column) => column.name === name)),
  names: [],
  cards: header.cards ?? {},
  cardOf: new Map(),
  votes: new Votes(header.id),

  loadAll() {
    this.all ??= Promise.all(header.columns.map(loadColumn));
    return this.all;
  },

  loadCards() {
    this.allCards ??= this.readCards();
    return this.allCards;
  },

  async readCards() {
    const { cards } = this;
    if (header.densities) this.grid = await readBlock(header.densities);
    if (!cards.rows) return;
    cards.trackValues = await readBlock(cards.track);
    if (cards.parts) {
      cards.natValues = await readBlock(cards.nats);
      cards.sentenceLines = await readBlock(cards.sentences);
    }
    if (cards.reasons) cards.reasonLines = await readBlock(cards.reasons);
    if (header.candidates) await this.readCandidates(header.candidates);
  },

  async readCandidates({ card, columns }) {
    const cards = await readBlock(card);
    await Promise.all(columns.map(loadColumn));
    const rows = new Map();
    cards.forEach((number, row) => (rows.has(number) ? rows.get(number).push(row) : rows.set(number, [row])));
    this.candidates = { columns, rowsOf: (number) => rows.get(number) ?? [] };
  },

  // Densities of a property, one array per class.
  curves(property) {
    const { n } = header.densities;
    return classes.map((_, c) => {
      const start = (property * classes.length + c) * n;
      return this.grid.subarray(start, start + n);
    });
  },
};

// Columns of the table: those of the file, and two that follow from them.

const nameColumn = {
  name: header.identifier.name, kind: "text", about: "Name of the source",
  at: (row) => report.names[row],
};

// Width of the widest of some texts, and of what stands beside it.
function textWidth(texts, beside) {
  const { fontSize, fontFamily } = getComputedStyle(grid.root);
  const context = document.createElement("canvas").getContext("2d");
  context.font = `500 ${fontSize} ${fontFamily}`;
  // One of the longest in letters is the widest, or nearly so.
  const longest = texts.reduce((most, text) => Math.max(most, text.length), 0);
  const widest = texts.filter((text) => text.length >= longest - 2).slice(0, LONGEST_NAMES)
    .reduce((most, text) => Math.max(most, context.measureText(text.slice(0, 80)).width), 0);
  return Math.ceil(widest + beside);
}

const bestColumn = {
  name: "P", kind: "number", style: "probability", about: "Probability of the prediction",
  at: (row) => report.posterior.reduce((most, column) => {
    const value = column.at(row);
    return value > most || Number.isNaN(most) ? value : most;
  }, NaN),
};

function bestClass(row) {
  const { codes, values } = report.columns.get("prediction");
  return classes.findIndex(({ name }) => name === values[codes[row] - 1]);
}

const state = { chips: new Set(), sort: null, rows: new Uint32Array(0), visible: [] };

// Where every source has a full card, saying so says nothing.
function hasChoice() {
  return report.cardOf.size > 0 && report.cardOf.size < header.n;
}

function drawCell(column) {
  if (column.name === "prediction") {
    const colors = new Map(classes.map(({ name }, c) => [name, classColor(c)]));
    return (cell, row) => {
      const name = column.at(row);
      cell.textContent = name || MISSING;
      cell.style.setProperty("--c", colors.get(name) ?? "var(--grey)");
    };
  }
  if (column === nameColumn) {
    return (cell, row) => {
      cell.textContent = report.names[row];
      cell.classList.toggle("full", hasChoice() && report.cardOf.has(row));
      cell.classList.toggle("voted", Boolean(report.votes.get(report.names[row])?.vote));
    };
  }
  if (column.style === "probability") {
    const own = report.posterior.indexOf(column);
    return (cell, row) => {
      const value = column.at(row);
      cell.textContent = show(column, row).replace(" ", "");
      cell.classList.toggle("tiny", value < 0.0005);
      cell.style.setProperty("--p", value || 0);
      cell.style.setProperty("--c", classColor(own < 0 ? bestClass(row) : own));
    };
  }
  return (cell, row) => {
    cell.textContent = show(column, row);
  };
}

function prepare(column) {
  column.draw ??= drawCell(column);
  column.width ??= Math.max(WIDTHS[column.style] ?? WIDTHS[column.kind], 7.4 * column.name.length + 36);
  return column;
}

async function showColumns() {
  const columns = state.visible.map((name) => report.columns.get(name.toLowerCase()));
  await Promise.all(columns.map(loadColumn));
  const [first, ...rest] = columns;
  const shown = first?.name === "prediction" ? [nameColumn, first, bestColumn, ...rest] : [nameColumn, bestColumn, ...columns];
  grid.setColumns(shown.map(prepare), state.sort);
}

function columnMenu() {
  const box = document.querySelector("#columns .list");
  box.replaceChildren(...header.columns.map((column) => h("label", { title: column.about },
    h("input", {
      type: "checkbox", checked: state.visible.includes(column.name),
      onchange: (event) => {
        if (event.target.checked) state.visible.push(column.name);
        else state.visible = state.visible.filter((name) => name !== column.name);
        showColumns();
      },
    }), column.name)));
}

// Filters

function chip(key, text, count, color, title) {
  return h("button", {
    type: "button", "aria-pressed": "false", class: "chip", title, style: { "--c": color ?? "transparent" },
    onclick: (event) => {
      const on = !state.chips.has(key);
      state.chips[on ? "add" : "delete"](key);
      event.currentTarget.setAttribute("aria-pressed", String(on));
      update();
    },
  }, color ? h("span", { class: "dot" }) : null, text, count === undefined ? null : [" ", h("small", {}, count.toLocaleString("en"))]);
}

function chips() {
  const extra = [];
  if (hasChoice()) extra.push(chip("full", "full card", report.cardOf.size, null, "Chosen sources, with contributions and the probabilities of each category"));
  if (report.columns.has("outlier_pvalue")) extra.push(chip("outliers", "outliers", undefined, null, `Outliers for every class: p < ${OUTLIER_PVALUE}`));
  if (report.columns.has("is_training")) extra.push(chip("new", "not trained on", undefined, null, "Sources that were not used in training"));
  extra.push(chip("voted", "voted", undefined, null, "Sources with a vote"));
  document.getElementById("chips").replaceChildren(
    ...classes.map(({ name, count }, c) => chip(`class:${name}`, name, count, classColor(c), `Predicted ${name}`)), ...extra,
  );
}

async function chipTests() {
  const tests = [];
  const prediction = report.columns.get("prediction");
  const chosen = new Set(classes.map(({ name }) => name).filter((name) => state.chips.has(`class:${name}`)));
  if (chosen.size) {
    const codes = new Set(prediction.values.map((name, k) => (chosen.has(name) ? k + 1 : -1)));
    tests.push((row) => codes.has(prediction.codes[row]));
  }
  if (state.chips.has("full")) tests.push((row) => report.cardOf.has(row));
  if (state.chips.has("outliers")) {
    const { at } = await loadColumn(report.columns.get("outlier_pvalue"));
    tests.push((row) => at(row) < OUTLIER_PVALUE);
  }
  if (state.chips.has("new")) {
    const { at } = await loadColumn(report.columns.get("is_training"));
    tests.push((row) => at(row) !== "yes");
  }
  if (state.chips.has("voted")) tests.push((row) => Boolean(report.votes.get(report.names[row])?.vote));
  return tests;
}

function sortRows(rows, { column, down }) {
  const keys = new Array(header.n);
  for (const row of rows) keys[row] = column.at(row);
  const isMissing = column.kind === "number" ? Number.isNaN : (value) => value === "";
  const turn = down ? -1 : 1;
  // Missing values come last, whichever the direction; equal ones stay in the order of the file.
  return rows.sort((a, b) => {
    const [x, y] = [keys[a], keys[b]];
    if (x < y) return -turn;
    if (x > y) return turn;
    return isMissing(x) - isMissing(y) || a - b;
  });
}

function sorted(rows) {
  if (!state.sort) return rows;
  const { column } = state.sort;
  const isMissing = column.kind === "number"
    ? (row) => Number.isNaN(column.at(row))
    : (row) => column.at(row) === "";
  const known = rows.filter((row) => !isMissing(row));
  const unknown = rows.filter(isMissing);
  const result = new Uint32Array(rows.length);
  result.set(sortRows(known, state.sort));
  result.set(unknown, known.length);
  return result;
}

// Why no source is found: a test that no source passes, or their combination.
function whyNone(tests) {
  const impossible = tests.find((test) => {
    for (let row = 0; row < header.n; row++) if (test(row)) return false;
    return true;
  });
  const rest = header.total > header.n ? `. This page has ${header.n.toLocaleString("en")} of ${header.total.toLocaleString("en")} sources` : "";
  if (!impossible) return ": each condition holds for some sources, but all of them for none";
  return `: ${impossible.why ? impossible.why() : "the chosen filter holds for none"}${rest}`;
}

let turn = 0;

async function update() {
  const mine = ++turn;
  const box = document.getElementById("search");
  const found = document.getElementById("found");
  let tests;
  try {
    const text = await parseQuery(box.value.trim(), {
      columns: report.searchable, names: report.lowerNames, prediction: report.columns.get("prediction"), n: header.n,
    });
    tests = [...await chipTests(), ...text];
    box.removeAttribute("aria-invalid");
  } catch (error) {
    if (!(error instanceof QueryError)) throw error;
    if (mine !== turn) return;
    box.setAttribute("aria-invalid", "true");
    found.textContent = error.message;
    return;
  }
  if (mine !== turn) return;
  const rows = new Uint32Array(header.n);
  let n = 0;
  for (let row = 0; row < header.n; row++) {
    let keep = true;
    for (let k = 0; keep && k < tests.length; k++) keep = tests[k](row);
    if (keep) rows[n++] = row;
  }
  state.rows = sorted(rows.slice(0, n));
  grid.setRows(state.rows);
  const all = header.n.toLocaleString("en");
  found.textContent = n === header.n ? `${all} sources` : `${n.toLocaleString("en")} of ${all} sources${n ? "" : whyNone(tests)}`;
  listMenu.show("");
}

// Numbers start with the largest, names with the first.
function onSort(column) {
  const down = column.kind === "number";
  if (state.sort?.column !== column) state.sort = { column, down };
  else if (state.sort.down === down) state.sort = { column, down: !down };
  else state.sort = null;
  showColumns();
  update();
}

// Cards

let place = 0;

function openCard(index) {
  place = index;
  return card.open(state.rows[index], { index, total: state.rows.length }).then(() => {
    address(report.names[state.rows[index]]);
  });
}

function address(name) {
  const hash = name === null ? "#sources" : `#source=${encodeURIComponent(name)}`;
  // A page from a file may be refused.
  try {
    history.replaceState(null, "", hash);
  } catch {
    /* The card is open all the same. */
  }
}

const grid = new Grid(document.getElementById("grid"), { onOpen: openCard, onSort });
const card = new Card(document.getElementById("card"), report, {
  onStep: (step) => {
    const next = place + step;
    if (next < 0 || next >= state.rows.length) return;
    grid.move(next, grid.active.column);
    openCard(next);
  },
  onClose: () => {
    address(null);
    grid.root.focus({ preventScroll: true });
    grid.schedule();
  },
  onVote: () => votesMenu.show(),
});

// The filtered list

const listMenu = {
  state: document.getElementById("list-state"),

  show(text) {
    this.state.textContent = text;
  },

  async columns() {
    const known = header.columns.filter((column) => document.getElementById("list-all").checked
      || state.visible.includes(column.name) || ["ra", "dec"].includes(column.name));
    await Promise.all(known.map(loadColumn));
    return [nameColumn, ...known];
  },

  wire() {
    const name = document.title.replace(/[^\p{L}\p{N}-]+/gu, "_").slice(0, 60);
    const attempt = async (work) => {
      this.show("");
      try {
        const n = state.rows.length;
        if (!n) throw new ExportError("The list is empty.");
        this.show(await work(plural(n, "source")));
      } catch (error) {
        if (!(error instanceof ExportError)) throw error;
        this.show(error.message);
      }
    };
    const on = (id, work) => document.getElementById(id).addEventListener("click", () => attempt(work));
    on("list-copy", async (text) => {
      await copyText(toClipboardText(await this.columns(), state.rows));
      return `${text} copied, as text with tabs.`;
    });
    on("list-csv", async (text) => {
      saveFile(toCsv(await this.columns(), state.rows), `${name}.csv`, "text/csv");
      return `${text} saved in ${name}.csv.`;
    });
    on("list-votable", async (text) => {
      saveFile(toVotable(await this.columns(), state.rows, `${document.title}: ${text}`), `${name}.vot`, "application/x-votable+xml");
      return `${text} saved in ${name}.vot.`;
    });
    on("list-samp", async (text) => {
      if (!header.table) throw new ExportError("The report was written without the name of its table (table_path=): save the list as VOTable and open that in TOPCAT.");
      this.show("Waiting for TOPCAT: allow the connection there.");
      const rows = header.rows ? state.rows.map((row) => report.tableRows[row]) : state.rows;
      await selectBySamp({ ...header.table, id: header.id }, rows, document.title);
      return `${text} selected in the table ${header.table.url}.`;
    });
  },
};

// Votes

const votesMenu = {
  box: document.getElementById("votes"),
  voter: document.getElementById("voter"),
  state: document.getElementById("votes-state"),
  file: document.getElementById("votes-file"),

  show(text) {
    const n = report.votes.list().length;
    this.box.querySelector("summary").textContent = n ? `Votes (${n.toLocaleString("en")})` : "Votes";
    this.voter.value = report.votes.voter;
    this.state.textContent = text ?? (report.votes.tell() || "Votes are cast in the cards.");
    if (card.isOpen) card.showVote();
    grid.schedule();
  },

  attempt(work) {
    try {
      this.show(work());
    } catch (error) {
      if (!(error instanceof VotesError)) throw error;
      this.show(error.message);
      if (!report.votes.voter) this.voter.focus();
    }
  },

  wire() {
    this.voter.addEventListener("change", () => {
      report.votes.setVoter(this.voter.value);
      this.show();
    });
    document.getElementById("save-votes").addEventListener("click", () => this.attempt(() => report.votes.save()));
    document.getElementById("load-votes").addEventListener("click", () => this.file.click());
    this.file.addEventListener("change", async () => {
      const [file] = this.file.files;
      if (!file) return;
      const text = await file.text();
      // The same file again is to be heard of, too.
      this.file.value = "";
      const here = new Set(report.names);
      this.attempt(() => report.votes.load(text, (name) => here.has(name)));
    });
    // The page may be open twice.
    window.addEventListener("storage", ({ key, newValue }) => {
      if (key !== report.votes.key) return;
      report.votes.read(newValue);
      this.show();
    });
  },
};

function openAddress() {
  const found = /^#source=(.*)$/.exec(location.hash);
  if (!found) return;
  const row = report.names.indexOf(decodeURIComponent(found[1]));
  const index = state.rows.indexOf(row);
  if (index >= 0) openCard(index);
}

// Page

function wireTheme() {
  const root = document.documentElement;
  const button = document.getElementById("theme");
  try {
    root.dataset.theme = localStorage.getItem("claxboi-theme") ?? "";
  } catch {
    /* The system's is taken. */
  }
  button.addEventListener("click", () => {
    const isDark = getComputedStyle(root).getPropertyValue("--is-dark").trim() === "1";
    root.dataset.theme = isDark ? "light" : "dark";
    try {
      localStorage.setItem("claxboi-theme", root.dataset.theme);
    } catch {
      /* It holds until the page is closed. */
    }
  });
}

function wireKeys() {
  const box = document.getElementById("search");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || card.isOpen) return;
    const isField = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    const menu = document.querySelector("details.menu[open]");
    if (event.key === "/" && !isField) {
      box.focus();
      box.select();
    } else if (event.key === "Escape" && menu) {
      menu.open = false;
      if (menu.contains(event.target)) menu.querySelector("summary").focus();
    } else if (event.key === "Escape" && event.target === box) {
      if (box.value) box.value = "";
      else grid.root.focus();
      update();
    } else if ((event.key === "Enter" || event.key === "ArrowDown") && event.target === box) {
      grid.root.focus();
    } else if ((event.key === "j" || event.key === "k") && !isField && event.target !== grid.root) {
      grid.root.focus();
      grid.move(grid.active.row + (event.key === "j" ? 1 : -1), grid.active.column);
    } else return;
    event.preventDefault();
  });
  let timer = 0;
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, 80);
  });
  // A menu closes when something else is clicked.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

// On paper the rows in sight would be all that there is: the first hundred take their place.
function printTable() {
  const rows = [...state.rows.slice(0, PRINTED)];
  const columns = grid.columns;
  document.getElementById("printed").replaceChildren(h("table", {},
    h("caption", {}, `The first ${rows.length} of ${state.rows.length.toLocaleString("en")} sources`),
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column.name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, columns.map((column) => h("td", { class: column.kind }, show(column, row))))))));
}

async function showDensities() {
  if (!header.densities) return;
  await report.loadCards();
  document.getElementById("legend").replaceChildren(...classes.map(({ name }, c) => h("span", {}, h("span", { class: "dot", style: { "--c": classColor(c) } }), name)), h("span", { class: "note" }, "dashed: fewer than 10 different values"));
  document.getElementById("panels").replaceChildren(...header.densities.properties.map((property, p) => h("figure", { class: "panel", title: property.about },
    h("figcaption", {}, h("b", {}, property.column), " ", h("span", {}, property.unit), " ", h("small", {}, property.category)),
    drawDensity(property, report.curves(p), classes))));
  document.getElementById("densities").hidden = false;
}

async function start() {
  wireTheme();
  wireKeys();
  votesMenu.wire();
  listMenu.wire();
  state.visible = header.visible;
  const needed = ["prediction", ...header.visible, ...classes.map(({ name }) => `P_${name}`)];
  // All at once: what is asked for later waits behind the rest of the page.
  const [names, tableRows, rows] = await Promise.all([
    readBlock(header.identifier),
    header.rows ? readBlock(header.rows) : null,
    header.cards ? readBlock(header.cards.rows) : new Int32Array(0),
    ...needed.map((name) => loadColumn(report.columns.get(name.toLowerCase()))),
  ]);
  report.names = names;
  report.tableRows = tableRows;
  report.searchable = new Map([["p", bestColumn], [nameColumn.name.toLowerCase(), nameColumn], ...report.columns]);
  report.lowerNames = names.map((name) => name.toLowerCase());
  report.cards.rowNumbers = rows;
  rows.forEach((row, number) => report.cardOf.set(row, number));
  // On a phone, other columns have to be seen beside the name.
  nameColumn.width = `min(${textWidth([...names, nameColumn.name], 36)}px, 55vw)`;
  report.columns.get("prediction").width = textWidth([...classes.map(({ name }) => name), "prediction"], 36);
  chips();
  await showColumns();
  await update();
  columnMenu();
  votesMenu.show();
  document.documentElement.dataset.ready = "yes";
  openAddress();
  window.addEventListener("hashchange", openAddress);
  window.addEventListener("beforeprint", printTable);
  await showDensities();
  await whole;
  // The rest is read while nobody waits, so that the first card opens at once.
  const later = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
  later(() => report.loadAll());
}

start();
