// Licensed under a 3-clause BSD style license - see LICENSE.rst
// Numbers and texts out of the blocks of the page; _blocks.py writes them.

const TYPES = {
  f4: Float32Array, i4: Int32Array, u2: Uint16Array, u1: Uint8Array, i1: Int8Array,
};
const NO_INTEGER = -2147483648;

async function inflate(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = binary.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Bytes of equal weight are stored together.
function gather(planes, Type) {
  const width = Type.BYTES_PER_ELEMENT;
  const n = planes.length / width;
  if (width === 1) return new Type(planes.buffer);
  const bytes = new Uint8Array(planes.length);
  for (let b = 0; b < width; b++) {
    for (let k = 0, from = b * n, to = b; k < n; k++, from++, to += width) bytes[to] = planes[from];
  }
  return new Type(bytes.buffer);
}

// The blocks that the start needs stand before the program; the others are still on their way.
const early = new Set([...document.scripts].map((element) => element.id));
const whole = new Promise((resolve) => {
  document.addEventListener("DOMContentLoaded", resolve, { once: true });
});

async function inflateBlock({ block, type }) {
  const id = `block-${block}`;
  if (!early.has(id)) await whole;
  const element = document.getElementById(id);
  const text = element.textContent;
  element.remove();
  const bytes = await inflate(text);
  if (type === "text") return new TextDecoder().decode(bytes).split("\n");
  return gather(bytes, TYPES[type]);
}

// Each block is read once; its text is then no longer needed.
const read = new Map();

function readBlock(where) {
  if (!read.has(where.block)) read.set(where.block, inflateBlock(where));
  return read.get(where.block);
}

// A column gets ``at(row)``: a number (NaN where missing), or a text ("" where missing).
async function loadColumn(column) {
  if (column.at) return column;
  const data = await readBlock(column);
  if (column.kind === "category") {
    column.codes = data;
    column.at = (row) => (data[row] ? column.values[data[row] - 1] : "");
  } else if (column.kind === "text") {
    column.at = (row) => data[row];
  } else if (column.type === "f4") {
    column.at = (row) => data[row];
  } else {
    const step = column.step ?? 1;
    column.at = (row) => (data[row] === NO_INTEGER ? NaN : data[row] * step);
  }
  return column;
}
