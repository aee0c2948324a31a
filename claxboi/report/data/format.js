// Licensed under a 3-clause BSD style license - see LICENSE.rst
// Numbers as astronomers write them, and elements. Texts are only ever set as text.

const MISSING = "–";
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

function sign(text) {
  return text.replace("-", "−");
}

function power(exponent) {
  const digits = String(Math.abs(exponent)).replace(/\d/g, (digit) => SUPERSCRIPTS[digit]);
  return `10${exponent < 0 ? "⁻" : ""}${digits}`;
}

function exponentOf(value) {
  return value === 0 ? 0 : Number(value.toExponential(3).split("e")[1]);
}

function scientific(value, decimals = 2) {
  if (value === 0) return "0";
  const [mantissa, exponent] = value.toExponential(decimals).split("e");
  return `${sign(mantissa)} × ${power(Number(exponent))}`;
}

function general(value, digits = 4) {
  if (Number.isNaN(value)) return MISSING;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const exponent = exponentOf(value);
  if (exponent < -4 || exponent > 5) return scientific(value);
  return sign(String(Number(value.toPrecision(digits))));
}

function probability(value) {
  if (Number.isNaN(value)) return MISSING;
  // As it is kept, a number may be 1 that was not.
  if (value > 0.9995) return "> 0.999";
  if (value > 0 && value < 0.0005) return "< 0.001";
  return sign(value.toFixed(3));
}

function sexagesimal(value, decimals, width) {
  const scale = 10 ** decimals;
  let rest = Math.round(Math.abs(value) * 3600 * scale);
  const seconds = rest % (60 * scale);
  rest = Math.floor(rest / (60 * scale));
  const text = (seconds / scale).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, "0");
  return `${String(Math.floor(rest / 60)).padStart(width, "0")} ${String(rest % 60).padStart(2, "0")} ${text}`;
}

function rightAscension(degrees) {
  const hours = (((degrees % 360) + 360) % 360) / 15;
  const text = sexagesimal(hours, 2, 2);
  return text.startsWith("24") ? "00 00 00.00" : text;
}

function declination(degrees) {
  return `${degrees < 0 ? "−" : "+"}${sexagesimal(degrees, 1, 2)}`;
}

const STYLES = {
  probability,
  pvalue: (value) => (value > 0 && value < 1e-3 ? scientific(value, 0) : value.toFixed(3)),
  ra: (value) => value.toFixed(5),
  dec: (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(5)}`,
  integer: (value) => sign(String(value)),
  scientific: (value) => scientific(value),
  fixed: (value, column) => (
    value !== 0 && Math.abs(value) < 0.5 * 10 ** -column.decimals
      ? scientific(value, 1)
      : sign(value.toFixed(column.decimals))
  ),
};

// The value of a column as text.
function show(column, row) {
  const value = column.at(row);
  if (column.kind !== "number") return value === "" ? MISSING : value;
  if (Number.isNaN(value)) return MISSING;
  if (!Number.isFinite(value)) return general(value);
  return STYLES[column.style](value, column);
}

// A value with its error: as many decimals as the error has, which has two digits.
function withError(value, error) {
  if (!(error > 0) || !Number.isFinite(value)) return general(value);
  const exponent = exponentOf(value);
  if (exponent < -3 || exponent > 5) {
    const scale = 10 ** exponent;
    const decimals = Math.min(Math.max(1 - exponentOf(error / scale), 0), 4);
    const pair = `${sign((value / scale).toFixed(decimals))} ± ${(error / scale).toFixed(decimals)}`;
    return `(${pair}) × ${power(exponent)}`;
  }
  const decimals = Math.min(Math.max(1 - exponentOf(error), 0), 8);
  return `${sign(value.toFixed(decimals))} ± ${error.toFixed(decimals)}`;
}

// h("div", {class: "x", onclick: f}, "text", element, ...)
function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") {
      for (const [key, part] of Object.entries(value)) element.style.setProperty(key, part);
    } else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
