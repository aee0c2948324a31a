// Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
// Votes on what a source is: kept in the browser where it lets us, saved as CSV.

const UNSURE = "unsure";

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
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "[]");
      for (const entry of kept) this.entries.set(String(entry.source_id), entry);
    } catch {
      this.isKept = false;
    }
  }

  get(source) {
    return this.entries.get(source);
  }

  setVoter(name) {
    this.voter = name.trim();
    this.keep();
  }

  // The same vote again takes it back.
  set(source, vote, comment) {
    const before = this.entries.get(source);
    if (vote === "" && comment === "") this.entries.delete(source);
    else {
      const date = `${new Date().toISOString().slice(0, 19)}Z`;
      this.entries.set(source, {
        source_id: source, voter: this.voter || before?.voter || "", vote, comment, date,
      });
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
    return [...this.entries.values()].filter((entry) => entry.vote !== "");
  }

  toCsv() {
    const names = ["source_id", "voter", "vote", "comment", "date"];
    const cell = (value) => {
      const text = String(value ?? "").replace(/[\r\n]+/g, " ");
      return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const lines = this.list().map((entry) => names.map((name) => cell(
      name === "voter" ? entry.voter || this.voter : entry[name],
    )).join(","));
    return `${[names.join(","), ...lines].join("\r\n")}\r\n`;
  }

  save() {
    const address = URL.createObjectURL(new Blob([this.toCsv()], { type: "text/csv" }));
    const who = this.voter.replace(/[^\w-]+/g, "_");
    const link = h("a", { href: address, download: `votes${who ? `-${who}` : ""}.csv` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  }
}
