// Licensed under a 3-clause BSD style license - see LICENSE.rst
// The filtered list for other programs: as text, CSV, VOTable, or a selection in TOPCAT.

function saveFile(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = h("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

// A cell of a CSV file.
function csvCell(value) {
  const text = String(value ?? "").replace(/[\r\n]+/g, " ");
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// A value with all digits that the page has, "" where it is missing.
function plainValue(column, row) {
  const value = column.at(row);
  if (column.kind !== "number") return value;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "" : String(value);
  if (column.step) return String(Number(value.toFixed(6)));
  return String(Number(value.toPrecision(column.style === "integer" ? 10 : 6)));
}

function toLines(columns, rows, separator, cell) {
  const lines = [columns.map(({ name }) => cell(name)).join(separator)];
  for (const row of rows) lines.push(columns.map((column) => cell(plainValue(column, row))).join(separator));
  return lines;
}

function toCsv(columns, rows) {
  return `${toLines(columns, rows, ",", csvCell).join("\r\n")}\r\n`;
}

function toClipboardText(columns, rows) {
  return `${toLines(columns, rows, "\t", (value) => String(value).replace(/\s+/g, " ")).join("\n")}\n`;
}

function xml(text) {
  // Characters that no XML file may have are left out.
  return String(text).replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "")
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

function fieldType(column) {
  if (column.boolean) return 'datatype="boolean"';
  if (column.kind !== "number") return 'datatype="unicodeChar" arraysize="*"';
  if (column.style === "integer") return 'datatype="int"';
  return column.step ? 'datatype="double"' : 'datatype="float"';
}

function toVotable(columns, rows, title) {
  const fields = columns.map((column, k) => {
    const unit = column.ascii_unit ? ` unit="${xml(column.ascii_unit)}"` : "";
    const about = column.about ? `<DESCRIPTION>${xml(column.about)}</DESCRIPTION>` : "";
    const missing = column.style === "integer" ? '<VALUES null="-2147483648"/>' : "";
    return `<FIELD ID="col${k + 1}" name="${xml(column.name)}"${unit} ${fieldType(column)}>${about}${missing}</FIELD>`;
  });
  const cell = (column, row) => {
    const value = plainValue(column, row);
    if (column.boolean) return value === "" ? "" : value === "yes" ? "T" : "F";
    if (value === "" && column.kind === "number") return column.style === "integer" ? "-2147483648" : "NaN";
    return xml(value);
  };
  const lines = Array.from(rows, (row) => `<TR>${columns.map((column) => `<TD>${cell(column, row)}</TD>`).join("")}</TR>`);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">',
    '<RESOURCE type="results">', `<TABLE name="sources" nrows="${lines.length}">`, `<DESCRIPTION>${xml(title)}</DESCRIPTION>`,
    ...fields, "<DATA><TABLEDATA>", ...lines, "</TABLEDATA></DATA>", "</TABLE></RESOURCE></VOTABLE>", "",
  ].join("\n");
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not every browser lets a page from a file use its clipboard in this way.
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    if (!isCopied) throw new ExportError("The browser does not allow copying; save the list as CSV instead.");
  }
}

class ExportError extends Error {}
