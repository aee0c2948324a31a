// Licensed under a 3-clause BSD style license - see licenses/LICENSE.rst
// What is typed into the search box, as a test of rows.

const CONDITION = /([A-Za-z_][\w.+-]*)\s*(>=|<=|!=|==|≥|≤|=|<|>)\s*("[^"]*"|[^\s"]+)/g;
const NUMBER = /^[-+−]?(\d+\.?\d*|\.\d+)([eE][-+−]?\d+)?$/;
const RADII = {
  '"': 1 / 3600, "″": 1 / 3600, arcsec: 1 / 3600, as: 1 / 3600,
  "'": 1 / 60, "′": 1 / 60, arcmin: 1 / 60, am: 1 / 60,
  d: 1, deg: 1, "°": 1,
};
const DEFAULT_RADIUS = 1 / 60;

class QueryError extends Error {}

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
  return (row) => {
    const north = Math.sin(((dec.at(row) - cone.dec) * radians) / 2);
    const east = Math.sin(((ra.at(row) - cone.ra) * radians) / 2);
    return north * north + cosine * Math.cos(dec.at(row) * radians) * east * east <= limit;
  };
}

function numberTest(column, sign, wanted) {
  const at = column.at;
  switch (sign) {
    case ">": return (row) => at(row) > wanted;
    case "<": return (row) => at(row) < wanted;
    case ">=": case "≥": return (row) => at(row) >= wanted;
    case "<=": case "≤": return (row) => at(row) <= wanted;
    // Numbers are kept to 5 digits.
    case "!=": return (row) => Math.abs(at(row) - wanted) > 1e-5 * Math.abs(wanted);
    default: return (row) => Math.abs(at(row) - wanted) <= 1e-5 * Math.abs(wanted);
  }
}

function textTest(column, sign, wanted) {
  const lower = wanted.toLowerCase();
  const equal = (row) => column.at(row).toLowerCase() === lower;
  if (sign === "!=") return (row) => column.at(row) !== "" && !equal(row);
  if (sign === "=" || sign === "==") return equal;
  throw new QueryError(`${column.name} is no number: it goes with = and !=`);
}

function missingTest(column, sign) {
  const isMissing = column.kind === "number"
    ? (row) => Number.isNaN(column.at(row))
    : (row) => column.at(row) === "";
  return sign === "!=" ? (row) => !isMissing(row) : isMissing;
}

async function conditionTest(columns, name, sign, text) {
  const column = columns.get(name.toLowerCase());
  if (!column) throw new QueryError(`there is no column ${name}`);
  await loadColumn(column);
  const value = text.replace(/^"|"$/g, "");
  if (/^(none|missing|–)$/i.test(value)) return missingTest(column, sign);
  if (column.kind !== "number") return textTest(column, sign, value);
  const wanted = toNumber(value);
  if (Number.isNaN(wanted)) throw new QueryError(`${value} is no number`);
  return numberTest(column, sign, wanted);
}

function wordTest(word, names, prediction) {
  const lower = word.toLowerCase();
  const code = prediction.values.findIndex((value) => value.toLowerCase() === lower) + 1;
  return (row) => (code && prediction.codes[row] === code) || names[row].includes(lower);
}

// Returns the tests that a row must pass. ``columns`` by name in lower case, ``names`` in lower case.
async function parseQuery(text, { columns, names, prediction }) {
  const tests = [];
  const conditions = [...text.matchAll(CONDITION)];
  for (const [, name, sign, value] of conditions) {
    tests.push(await conditionTest(columns, name, sign, value));
  }
  const rest = text.replace(CONDITION, " ").replace(/\s+/g, " ").trim();
  if (/[<>=]/.test(rest)) throw new QueryError("a condition is a column, a sign and a value");
  const cone = columns.has("ra") && columns.has("dec") ? parseCone(rest) : null;
  if (cone) {
    const ra = await loadColumn(columns.get("ra"));
    const dec = await loadColumn(columns.get("dec"));
    tests.push(coneTest(cone, ra, dec));
  } else {
    for (const word of rest.split(" ")) {
      if (word && !/^(and|&|&&)$/i.test(word)) tests.push(wordTest(word, names, prediction));
    }
  }
  return tests;
}
