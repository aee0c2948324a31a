// Licensed under a 3-clause BSD style license - see LICENSE.rst
// Votes on what a source is: kept in the browser where it lets us, saved as CSV and loaded again.

const UNSURE = "unsure";
const VOTE_COLUMNS = ["source_id", "voter", "vote", "comment", "date"];

class VotesError extends Error {}

// People may share a browser: each has votes of their own.
const entryKey = (voter, source) => JSON.stringify([voter, source]);

const plural = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

class Votes {
  constructor(report) {
    this.key = `claxboi-votes-${report}`;
    this.voterKey = "claxboi-voter";
    this.entries = new Map();
    this.isKept = true;
    this.voter = "";
    // A page from a file may be refused, a full store may fail.
    try {
      this.voter = localStorage.getItem(this.voterKey) ?? "";
      this.read(localStorage.getItem(this.key));
    } catch {
      this.isKept = false;
    }
  }

  read(kept) {
    this.entries = new Map(JSON.parse(kept ?? "[]").map((entry) => {
      const source = String(entry.source_id);
      return [entryKey(entry.voter, source), { ...entry, source_id: source }];
    }));
  }

  get(source) {
    return this.entries.get(entryKey(this.voter, source));
  }

  // Votes without a name become those of the first name that is given.
  setVoter(name) {
    const before = this.voter;
    this.voter = name.replace(/\s+/g, " ").trim();
    if (before === "" && this.voter !== "") {
      for (const [key, entry] of [...this.entries]) {
        if (entry.voter !== "") continue;
        this.entries.delete(key);
        this.entries.set(entryKey(this.voter, entry.source_id), { ...entry, voter: this.voter });
      }
    }
    this.keep();
  }

  set(source, vote, comment) {
    const key = entryKey(this.voter, source);
    if (vote === "" && comment === "") this.entries.delete(key);
    else {
      const date = `${new Date().toISOString().slice(0, 19)}Z`;
      this.entries.set(key, { source_id: source, voter: this.voter, vote, comment, date });
    }
    this.keep();
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify([...this.entries.values()]));
      localStorage.setItem(this.voterKey, this.voter);
      this.isKept = true;
    } catch {
      this.isKept = false;
    }
  }

  // A comment without a vote says nothing of the class, and is left out.
  list() {
    return [...this.entries.values()].filter(({ voter, vote }) => voter === this.voter && vote !== "");
  }

  tell() {
    const n = this.list().length;
    const count = n ? `${plural(n, "vote")}${this.voter ? ` by ${this.voter}` : ""} so far. ` : "";
    return this.isKept ? count : `${count}This browser does not keep votes: save them before you close the page.`;
  }

  toCsv() {
    const lines = this.list().map((entry) => VOTE_COLUMNS.map((name) => csvCell(entry[name])).join(","));
    return `${[VOTE_COLUMNS.join(","), ...lines].join("\r\n")}\r\n`;
  }

  save() {
    if (!this.voter) throw new VotesError("Enter your name before saving votes.");
    const n = this.list().length;
    if (!n) throw new VotesError("There are no votes to save yet.");
    const name = `votes-${this.voter.replace(/[^\p{L}\p{N}-]+/gu, "_")}.csv`;
    saveFile(this.toCsv(), name, "text/csv");
    return `${plural(n, "vote")} saved in ${name}.`;
  }

  // The votes of one person in a saved file; of two on a source the later counts.
  load(text, isHere) {
    const rows = readVotes(text);
    const voters = [...new Set(rows.map(({ voter }) => voter))];
    if (!this.voter && voters.length > 1) {
      throw new VotesError(`The file has votes by ${voters.join(", ")}: give your name first.`);
    }
    const voter = this.voter || voters[0];
    const mine = rows.filter((row) => row.voter === voter);
    if (!mine.length) throw new VotesError(`The file has no votes by ${voter}, only by ${voters.join(", ")}.`);
    if (!this.voter) this.setVoter(voter);
    for (const row of mine) {
      const key = entryKey(voter, row.source_id);
      const before = this.entries.get(key);
      if (!before?.vote || row.date >= before.date) this.entries.set(key, row);
    }
    this.keep();
    const absent = mine.filter(({ source_id: source }) => !isHere(source)).length;
    const others = rows.length - mine.length;
    return [
      `${plural(mine.length, "vote")} by ${voter} loaded.`,
      absent ? ` ${absent.toLocaleString("en")} on sources that are not in this page.` : "",
      others ? ` ${plural(others, "vote")} by others left out.` : "",
    ].join("");
  }
}

// Rows of cells of a CSV text: quotes are doubled inside of quotes, which may hold line breaks.
function parseCsv(text) {
  const rows = [[]];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\n|\r|$)/gy;
  while (cell.lastIndex < text.length) {
    const from = cell.lastIndex;
    const found = cell.exec(text);
    if (!found) throw new VotesError(`The file is not CSV: a quote is not closed after character ${from}.`);
    const [, quoted, plain, end] = found;
    rows.at(-1).push((quoted?.replaceAll('""', '"') ?? plain).trim());
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some((value) => value !== ""));
}

function readVotes(text) {
  const [head = [], ...lines] = parseCsv(text.replace(/^\ufeff/, ""));
  const missing = ["source_id", "voter", "vote"].filter((name) => !head.includes(name));
  if (missing.length) throw new VotesError(`The file has no column ${missing.join(", ")}.`);
  const rows = lines.map((line) => Object.fromEntries(
    VOTE_COLUMNS.map((name) => [name, line[head.indexOf(name)] ?? ""]),
  )).filter(({ vote }) => vote !== "");
  if (!rows.length) throw new VotesError("The file has no votes.");
  const bare = rows.find((row) => row.source_id === "" || row.voter === "");
  if (bare) throw new VotesError("The file has a vote without a source or a voter.");
  return rows.map((row) => ({ ...row, vote: row.vote.toLowerCase() === UNSURE ? UNSURE : row.vote }));
}
