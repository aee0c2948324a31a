// Licensed under a 3-clause BSD style license - see LICENSE.rst
// The card of one source.

// A name as one word of a command.
function shellQuoted(text) {
  return /^[\w.+:/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

class Card {
  constructor(dialog, report, { onStep, onClose, onVote }) {
    Object.assign(this, { dialog, report, onStep, onClose, onVote });
    this.row = -1;
    dialog.addEventListener("close", () => {
      this.row = -1;
      onClose();
    });
    // A click beside the card, on what is behind it.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("keydown", (event) => this.onKey(event));
  }

  get isOpen() {
    return this.dialog.open;
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
    const { classes } = this.report;
    const number = Number(event.key) - 1;
    if (event.key === "j" || event.key === "k") this.onStep(event.key === "j" ? 1 : -1);
    else if (event.key === "u") this.vote(UNSURE);
    else if (event.key >= "1" && event.key <= "9" && classes[number]) this.vote(classes[number].name);
    else return;
    event.preventDefault();
  }

  async open(row, place) {
    const report = this.report;
    this.row = row;
    await report.loadAll();
    await report.loadCards();
    // Another one may have been asked for meanwhile.
    if (this.row !== row) return;
    this.place = place;
    this.card = report.cardOf.get(row);
    if (!this.dialog.open) this.dialog.showModal();
    const body = h("div", { class: "body" });
    const step = this.dialog.querySelector(".steps :focus")?.dataset.step;
    this.dialog.replaceChildren(this.header(place), body);
    body.replaceChildren(...[
      this.sentence(), this.links(), this.probabilities(), this.vote_form(), this.contributions(),
      this.densities(), this.candidates(), this.numbers(),
    ].flat().filter(Boolean));
    this.dialog.scrollTop = 0;
    // What had the focus is gone; without one, the next key would go nowhere.
    this.dialog.querySelector(step ? `[data-step="${step}"]` : "h2").focus({ preventScroll: true });
  }

  value(name) {
    const column = this.report.columns.get(name.toLowerCase());
    return column ? column.at(this.row) : NaN;
  }

  shown(name) {
    const column = this.report.columns.get(name.toLowerCase());
    return column ? show(column, this.row) : MISSING;
  }

  posterior() {
    return this.report.posterior.map((column) => column.at(this.row));
  }

  ranked() {
    const values = this.posterior().map((value) => (Number.isNaN(value) ? -1 : value));
    return values.map((_, c) => c).sort((a, b) => values[b] - values[a]);
  }

  header({ index, total }) {
    const { classes, names } = this.report;
    const best = this.ranked()[0];
    const position = this.report.hasPositions && !Number.isNaN(this.value("ra"))
      ? h("p", { class: "position" },
        h("span", {}, `${rightAscension(this.value("ra"))}  ${declination(this.value("dec"))}`),
        h("small", {}, `${this.shown("ra")}°  ${this.shown("dec")}°`))
      : null;
    const button = (text, label, action, step) => h("button", { type: "button", title: label, "aria-label": label, "data-step": step, onclick: action }, text);
    return h("header", {},
      h("div", { class: "row" },
        h("h2", { id: "card-title", tabindex: -1, autofocus: true }, names[this.row]),
        h("div", { class: "steps" },
          h("small", {}, `${(index + 1).toLocaleString("en")} of ${total.toLocaleString("en")}`),
          button("‹", "Previous (k)", () => this.onStep(-1), "previous"),
          button("›", "Next (j)", () => this.onStep(1), "next"),
          button("✕", "Close (Esc)", () => this.dialog.close()))),
      h("div", { class: "row" },
        h("p", { class: "verdict", style: { "--c": classColor(best) } },
          h("span", { class: "dot" }), classes[best].name, " ",
          h("b", {}, probability(this.posterior()[best]))),
        position));
  }

  section(title, ...content) {
    return h("section", {}, h("h3", {}, title), content);
  }

  sentence() {
    const { cards } = this.report;
    if (this.card !== undefined && cards.sentenceLines) {
      const why = cards.reasonLines?.[this.card];
      return [
        h("p", { class: "sentence" }, cards.sentenceLines[this.card]
          .replace(/= -/g, "= −").replace(/(\d) (%|nats)/g, "$1\u00a0$2")),
        why ? h("p", { class: "note why" }, `Worth inspecting: ${why}.`) : null,
      ];
    }
    if (this.card !== undefined) return null;
    if (!this.report.header.densities) {
      return h("p", { class: "sentence note" }, "The report was written without the model (model=): there are no densities and no contributions.");
    }
    const name = this.report.names[this.row];
    return h("p", { class: "sentence note" }, "This source has no full card. To see its contributions, write the report again with ",
      h("code", {}, `sources=[${JSON.stringify(name)}]`), ", or run ",
      h("code", {}, `claxboi explain ${this.report.header.table?.url ?? "TABLE"} ${shellQuoted(name)}`), ".");
  }

  links() {
    const { links } = this.report.header;
    if (!links.length || Number.isNaN(this.value("ra")) || Number.isNaN(this.value("dec"))) return null;
    const ra = this.value("ra").toFixed(6);
    const dec = this.value("dec").toFixed(6);
    const signed = `${this.value("dec") < 0 ? "" : "%2B"}${dec}`;
    return h("p", { class: "links" }, links.map(({ name, about, address }) => h("a", {
      href: address.replace("{ra}", ra).replace("{dec}", dec).replace("{+dec}", signed), title: about, target: "_blank", rel: "noopener noreferrer",
    }, name)));
  }

  probabilities() {
    const { classes, header, cards } = this.report;
    const values = this.posterior();
    const bars = h("div", { class: "bars" }, this.ranked().map((c) => [
      h("span", {}, h("span", { class: "dot", style: { "--c": classColor(c) } }), classes[c].name),
      h("span", { class: "bar" }, h("i", { style: { "--share": `${100 * (values[c] || 0)}%`, "--c": classColor(c) } })),
      h("b", {}, probability(values[c])),
    ]));
    const alternatives = [this.classSet(), this.alternatives()];
    if (this.card === undefined || !cards.trackValues) return this.section("Probabilities", bars, ...alternatives);
    const n = cards.rowNumbers.length;
    const columns = header.categories.map((title, t) => ({
      title,
      values: classes.map((_, c) => cards.trackValues[(t * classes.length + c) * n + this.card]),
    }));
    const track = drawTrack([{ title: "final", values }, ...columns], classes, this.width());
    return this.section("Probabilities", bars, h("h4", {}, "Final, and from each category alone"), track, ...alternatives);
  }

  classSet() {
    const text = this.shown("class_set");
    if (text === MISSING) return null;
    const coverage = Math.round(1000 * this.report.header.coverage) / 10;
    const classes = text === "none" ? "none, because no class is probable enough" : text.replaceAll("|", ", ");
    return h("p", { class: "alternatives" }, h("span", {}, `Classes that cannot be excluded (${coverage} %): `, h("b", {}, classes)));
  }

  alternatives() {
    const text = this.shown("alternative");
    if (text === MISSING) return null;
    // Names of classes may have spaces, those of categories stand before a colon.
    const starts = this.report.header.categories.map((name) => `${name}:`);
    const parts = text.split(" ").reduce((found, word) => {
      if (starts.some((start) => word.startsWith(start))) found.push(word);
      else found.push(`${found.pop() ?? ""} ${word}`);
      return found;
    }, []);
    return h("p", { class: "alternatives" }, parts.map((part) => {
      const [category, name] = part.split(/:(.*)/s);
      return h("span", {}, `Without ${category}: `, h("b", {}, name));
    }));
  }

  width() {
    return Math.min(Math.max(this.dialog.clientWidth - 40, 300), 760);
  }

  contributions() {
    const { classes, cards } = this.report;
    if (this.card === undefined || !cards.natValues) return null;
    const n = cards.rowNumbers.length;
    const nats = (p, c) => cards.natValues[(p * classes.length + c) * n + this.card];
    const [best, second] = this.ranked();
    const choice = (label, chosen) => h("select", { "aria-label": label }, classes.map((entry, c) => h("option", { value: c, selected: c === chosen }, entry.name)));
    const [first, against] = [choice("Class", best), choice("Against", second)];
    const host = h("div");
    const update = () => {
      const [a, b] = [Number(first.value), Number(against.value)];
      const rows = contributionRows(cards.parts, nats, (name) => general(this.value(name)), a, b);
      const total = Math.log(this.posterior()[a] / this.posterior()[b]);
      host.replaceChildren(
        drawContributions(rows, a, b),
        h("p", { class: "note" }, Number.isFinite(total)
          ? `Together ${sign(total.toFixed(2))} nats: ${classes[a].name} is ${general(Math.exp(total), 3)} times as probable as ${classes[b].name}.`
          : ""),
      );
    };
    first.addEventListener("change", update);
    against.addEventListener("change", update);
    update();
    return this.section("Contributions in nats", h("p", { class: "versus" }, first, " against ", against), host);
  }

  densities() {
    const { header, classes } = this.report;
    if (!header.densities) return null;
    const best = this.ranked()[0];
    const panels = header.densities.properties.map((property, p) => {
      const value = this.value(property.column);
      const error = property.error ? this.value(property.error) : undefined;
      const isMissing = Number.isNaN(value);
      return h("figure", { class: isMissing ? "panel missing" : "panel", title: property.about },
        h("figcaption", {}, h("b", {}, property.column), " ",
          isMissing ? "missing" : h("span", {}, `${withError(value, error)} ${property.unit}`)),
        drawDensity(property, this.report.curves(p), classes, { value, error, predicted: best }));
    });
    return this.section("Densities, and this source", h("div", { class: "panels" }, panels));
  }

  candidates() {
    const { candidates } = this.report;
    if (this.card === undefined || !candidates) return null;
    const rows = candidates.rowsOf(this.card);
    if (!rows.length) return this.section("Candidate counterparts", h("p", { class: "note" }, "None within the search radius."));
    return this.section("Candidate counterparts", h("div", { class: "scroll" }, h("table", { class: "candidates" },
      h("thead", {}, h("tr", {}, candidates.columns.map((column) => h("th", { scope: "col", title: column.about }, column.name, column.unit ? h("small", {}, column.unit) : null)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, candidates.columns.map((column) => h("td", { class: column.kind }, show(column, row)))))))));
  }

  numbers() {
    const { header, columns } = this.report;
    const errors = new Set(header.columns.map((column) => column.error).filter(Boolean));
    const entries = header.columns.filter((column) => !errors.has(column.name) && !/^P_/.test(column.name));
    return this.section("Numbers", h("dl", { class: "numbers" }, entries.map((column) => {
      const error = column.error ? columns.get(column.error.toLowerCase()).at(this.row) : NaN;
      const isPair = column.kind === "number" && error > 0;
      let text = column.style === "fixed" ? general(column.at(this.row), 5) : show(column, this.row);
      if (isPair) text = withError(column.at(this.row), error);
      const unit = column.unit && text !== MISSING ? h("small", {}, column.unit) : null;
      return h("div", { title: column.about }, h("dt", {}, column.name), h("dd", {}, text, " ", unit));
    })));
  }

  vote_form() {
    const { classes, votes } = this.report;
    const button = (name, key, color) => h("button", {
      type: "button", title: key === null ? null : `Key ${key}`,
      "data-vote": name, style: { "--c": color }, onclick: () => this.vote(name),
    }, h("span", { class: "dot" }), name);
    this.comment = h("input", { type: "text", placeholder: "Comment", "aria-label": "Comment", oninput: () => this.keepComment() });
    this.voter = h("input", {
      type: "text", value: votes.voter, placeholder: "Your name", "aria-label": "Your name", autocomplete: "name",
      onchange: (event) => {
        votes.setVoter(event.target.value);
        this.onVote();
      },
    });
    this.state = h("small", { role: "status" });
    const form = h("section", { class: "vote" }, h("h3", {}, "What is it?"),
      h("div", { class: "choices", role: "group", "aria-label": "Vote" },
        classes.map((item, c) => button(item.name, c < 9 ? c + 1 : null, classColor(c))),
        button(UNSURE, "u", "var(--grey)")),
      h("div", { class: "fields" }, this.voter, this.comment,
        h("button", { type: "button", class: "save", onclick: () => this.save() }, "Save votes as CSV")),
      this.state);
    this.choices = form.querySelectorAll("[data-vote]");
    this.showVote();
    return form;
  }

  get source() {
    return this.report.names[this.row];
  }

  showVote() {
    const entry = this.report.votes.get(this.source);
    for (const button of this.choices) {
      button.setAttribute("aria-pressed", String(entry?.vote === button.dataset.vote));
    }
    this.comment.value = entry?.comment ?? "";
    this.voter.value = this.report.votes.voter;
    this.tell();
  }

  // The same vote again takes it back.
  vote(name) {
    const { votes } = this.report;
    const again = votes.get(this.source)?.vote === name;
    votes.set(this.source, again ? "" : name, this.comment.value);
    this.onVote();
  }

  keepComment() {
    const { votes } = this.report;
    votes.set(this.source, votes.get(this.source)?.vote ?? "", this.comment.value);
    this.tell();
  }

  save() {
    try {
      this.state.textContent = this.report.votes.save();
    } catch (error) {
      if (!(error instanceof VotesError)) throw error;
      this.state.textContent = error.message;
      if (!this.report.votes.voter) this.voter.focus();
    }
  }

  tell() {
    const { votes } = this.report;
    const entry = votes.get(this.source);
    const bare = entry && !entry.vote ? "A comment is saved together with a vote. " : "";
    this.state.textContent = bare + votes.tell();
  }
}
