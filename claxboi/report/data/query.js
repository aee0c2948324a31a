// Licensed under a 3-clause BSD style license - see LICENSE.rst
// The text of the search box as tests of rows. A test is a function of a row; its property ``why``
// says why it holds for no source, if it holds for none.

const CONDITION = /("[^"]+"|[A-Za-z_][\w.+-]*)\s*(>=|<=|!=|==|≥|≤|=|<|>)\s*("[^"]*"|[^\s"]+)/g;
const NUMBER = /^[-+−]?(\d+\.?\d*|\.\d+)([eE][-+−]?\d+)?$/;
const RADII = {
  '"': 1 / 3600, "″": 1 / 3600, arcsec: 1 / 3600, as: 1 / 3600,
  "'": 1 / 60, "′": 1 / 60, arcmin: 1 / 60, am: 1 / 60,
  d: 1, deg: 1, "°": 1,
};
const DEFAULT_RADIUS = 1 / 60;

const YES = /^(true|yes|t|y|1)$/i;
const NO = /^(false|no|f|n|0)$/i;
const MOST_LISTED = 8;

class QueryError extends Error {}

function explained(test, why) {
  return Object.assign(test, { why });
}

function list(names, last = "or") {
  const shown = names.length > MOST_LISTED ? [...names.slice(0, MOST_LISTED), "others"] : names;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} ${last} ${shown.at(-1)}`;
}

function toNumber(text) {
  return NUMBER.test(text) ? Number(text.replaceAll("−", "-")) : NaN;
}

// "10.684 +41.269 5'", "00:42:44.3 +41:16:09", or "00 42 44.3 +41 16 09 30 arcsec".
function parseCone(text) {
  const found = /^([\d.]+|\d+[:\s]\d+[:\s][\d.]+)[\s,]+([-+−]?(?:\d+[:\s]\d+[:\s][\d.]+|[\d.]+))(?:[\s,]+([\d.]+)\s*("|″|arcsec|as|'|′|arcmin|am|deg|d|°)?)?$/.exec(text);
  if (!found) return null;
  const [, first, second, size, unit] = found;
  const ra = /[:\s]/.test(first) ? 15 * fromSexagesimal(first) : Number(first);
  const dec = fromSexagesimal(second.replace("−", "-"));
  if (!(ra >= 0 && ra <= 360 && Math.abs(dec) <= 90)) return null;
  const radius = size === undefined ? DEFAULT_RADIUS : Number(size) * (RADII[unit ?? "'"]);
  return { ra, dec, radius };
}

function fromSexagesimal(text) {
  const parts = text.replace(/^[-+]/, "").split(/[:\s]+/).map(Number);
  const value = parts[0] + (parts[1] ?? 0) / 60 + (parts[2] ?? 0) / 3600;
  return text.startsWith("-") ? -value : value;
}

function coneTest(cone, ra, dec) {
  const radians = Math.PI / 180;
  const cosine = Math.cos(cone.dec * radians);
  const limit = Math.sin((cone.radius * radians) / 2) ** 2;
  return explained((row) => {
    const north = Math.sin(((dec.at(row) - cone.dec) * radians) / 2);
    const east = Math.sin(((ra.at(row) - cone.ra) * radians) / 2);
    return north * north + cosine * Math.cos(dec.at(row) * radians) * east * east <= limit;
  }, () => `no source within ${general(60 * cone.radius, 3)}′ of ${cone.ra.toFixed(5)} ${cone.dec.toFixed(5)}`);
}

// Smallest and largest value of a column of numbers, both NaN where there is none.
function extent(column, n) {
  let [low, high] = [NaN, NaN];
  for (let row = 0; row < n; row++) {
    const value = column.at(row);
    if (!(value >= low)) low = Number.isNaN(value) ? low : value;
    if (!(value <= high)) high = Number.isNaN(value) ? high : value;
  }
  return [low, high];
}

function compare(sign, tolerance) {
  switch (sign) {
    case ">": return (a, b) => a > b;
    case "<": return (a, b) => a < b;
    case ">=": case "≥": return (a, b) => a >= b;
    case "<=": case "≤": return (a, b) => a <= b;
    case "!=": return (a, b) => Math.abs(a - b) > tolerance * Math.abs(b);
    default: return (a, b) => Math.abs(a - b) <= tolerance * Math.abs(b);
  }
}

function numberTest(column, sign, wanted, n) {
  const at = column.at;
  // Numbers are kept to 5 digits.
  const holds = compare(sign, 1e-5);
  return explained((row) => holds(at(row), wanted), () => {
    const [low, high] = extent(column, n);
    if (Number.isNaN(low)) return `${column.name} is missing for all sources`;
    return `${column.name} is from ${general(low)} to ${general(high)}${column.unit ? ` ${column.unit}` : ""}`;
  });
}

function distinct(column, n) {
  if (column.values) return column.values;
  const found = new Set();
  for (let row = 0; row < n && found.size <= MOST_LISTED; row++) {
    if (column.at(row) !== "") found.add(column.at(row));
  }
  return [...found];
}

function textTest(column, sign, wanted, n) {
  const lower = wanted.toLowerCase();
  const equal = (row) => column.at(row).toLowerCase() === lower;
  const test = sign === "!=" ? (row) => column.at(row) !== "" && !equal(row) : equal;
  return explained(test, () => {
    const known = distinct(column, n);
    if (!known.length) return `${column.name} is missing for all sources`;
    return sign === "!=" ? `${column.name} is ${wanted} wherever it is known` : `${column.name} is never ${wanted}; it is ${list(known)}`;
  });
}

function missingTest(column, sign) {
  const isMissing = column.kind === "number"
    ? (row) => Number.isNaN(column.at(row))
    : (row) => column.at(row) === "";
  if (sign === "!=") return explained((row) => !isMissing(row), () => `${column.name} is missing for all sources`);
  return explained(isMissing, () => `${column.name} has a value for every source`);
}

// Two columns; where one of them is missing, nothing is said of the other.
function columnTest(column, sign, other, n) {
  if ((column.kind === "number") !== (other.kind === "number")) {
    throw new QueryError(`${column.name} and ${other.name} cannot be compared: one is a number, one a text`);
  }
  if (column.kind === "number") {
    const holds = compare(sign, 1e-5);
    return explained((row) => holds(column.at(row), other.at(row)), () => `${column.name} ${sign} ${other.name} holds for no source that has both`);
  }
  const wanted = sign !== "!=";
  return explained((row) => {
    const [a, b] = [column.at(row), other.at(row)];
    return a !== "" && b !== "" && (a.toLowerCase() === b.toLowerCase()) === wanted;
  }, () => {
    let both = 0;
    for (let row = 0; row < n; row++) both += column.at(row) !== "" && other.at(row) !== "";
    return both
      ? `${column.name} and ${other.name} are ${wanted ? "never" : "always"} the same where both are known`
      : `no source has both ${column.name} and ${other.name}`;
  });
}

function unknownColumn(name, columns) {
  const start = name.toLowerCase().slice(0, 3);
  const similar = [...columns.values()].map((column) => column.name)
    .filter((other) => other.toLowerCase().includes(start));
  return new QueryError(`no column ${name}${similar.length ? `; similar columns: ${list(similar.slice(0, MOST_LISTED), "and")}` : ": the menu Columns lists them"}`);
}

async function conditionTest({ columns, n }, quotedName, sign, text) {
  const name = quotedName.replace(/^"|"$/g, "");
  const column = columns.get(name.toLowerCase());
  if (!column) throw unknownColumn(name, columns);
  await loadColumn(column);
  const value = text.replace(/^"|"$/g, "");
  if (/^(none|missing|–)$/i.test(value)) return missingTest(column, sign);
  const other = text.startsWith('"') ? null : columns.get(value.toLowerCase());
  const isOrder = !["=", "==", "!="].includes(sign);
  if (column.kind === "number") {
    const wanted = toNumber(value);
    if (!Number.isNaN(wanted)) return numberTest(column, sign, wanted, n);
    if (other) return columnTest(column, sign, await loadColumn(other), n);
    throw new QueryError(`${column.name} is a number; ${value} is neither a number nor a column`);
  }
  if (column.boolean) {
    if (isOrder) throw new QueryError(`${column.name} is true or false; use = or !=`);
    if (YES.test(value) || NO.test(value)) return textTest(column, sign, YES.test(value) ? "yes" : "no", n);
    if (!other) throw new QueryError(`${column.name} is true or false, not ${value}`);
  }
  if (isOrder) throw new QueryError(`${column.name} is a text; use = or !=`);
  const isValue = column.values?.some((known) => known.toLowerCase() === value.toLowerCase());
  if (other && !isValue) return columnTest(column, sign, await loadColumn(other), n);
  return textTest(column, sign, value, n);
}

// A class by its name, else all classes whose names contain the word; or a part of a source's name.
function wordTest(word, names, { values, codes }) {
  const lower = word.toLowerCase();
  const exact = values.findIndex((value) => value.toLowerCase() === lower);
  const found = exact >= 0
    ? new Set([exact + 1])
    : new Set(values.flatMap((value, k) => (value.toLowerCase().includes(lower) ? [k + 1] : [])));
  return explained(
    (row) => found.has(codes[row]) || names[row].includes(lower),
    () => `no source is named or classified ${word}; the predicted classes are ${list(values, "and")}`,
  );
}

// Return the tests that a row must pass. ``columns`` by name in lower case, ``names`` in lower case.
async function parseQuery(text, table) {
  const { columns, names, prediction } = table;
  const tests = [];
  const conditions = [...text.matchAll(CONDITION)];
  for (const [, name, sign, value] of conditions) {
    tests.push(await conditionTest(table, name, sign, value));
  }
  const rest = text.replace(CONDITION, " ").replace(/\s+/g, " ").trim();
  if (/[<>=≥≤]/.test(rest)) {
    throw new QueryError("a condition is a column, a sign and a value, such as flux > 1e-13");
  }
  const cone = columns.has("ra") && columns.has("dec") ? parseCone(rest) : null;
  if (cone) {
    const ra = await loadColumn(columns.get("ra"));
    const dec = await loadColumn(columns.get("dec"));
    tests.push(coneTest(cone, ra, dec));
  } else {
    for (const word of rest.split(" ")) {
      if (/^(or|not|\|\|?)$/i.test(word)) throw new QueryError(`all conditions must hold; ${word} is not supported`);
      if (word && !/^(and|&|&&)$/i.test(word)) tests.push(wordTest(word, names, prediction));
    }
  }
  return tests;
}
