// Licensed under a 3-clause BSD style license - see LICENSE.rst
// Drawings: densities, the probability track, contributions.

const SCALES = {
  linear: (x) => x,
  log10: (x) => (x > 0 ? Math.log10(x) : -Infinity),
  sigmoid: (x) => x / (1 + Math.abs(x)),
};
const SIGMOID_TICKS = [-100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100];
// Probabilities below this are drawn as hollow markers at the edge.
const LOWEST = 1e-6;
// Parts of the largest that are smaller than this are drawn as one bar.
const SMALLEST_SHARE = 0.04;

function classColor(number) {
  return `var(--class-${number % 8})`;
}

// Outlines of the markers of the classes, as in all figures: about in a circle of radius 1.
const polygon = (n, turn = 0, inner = 1) => Array.from({ length: n }, (_, k) => {
  const angle = turn + (2 * Math.PI * k) / n - Math.PI / 2;
  const radius = k % 2 ? inner : 1;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
});
const plus = [[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1], [1, 3], [-1, 3], [-1, 1], [-3, 1], [-3, -1], [-1, -1]].map(([a, b]) => [a / 3, b / 3]);
const MARKERS = [
  polygon(24), polygon(10, 0, 0.4).map(([a, b]) => [1.4 * a, 1.4 * b]), polygon(4, Math.PI / 4),
  polygon(3), polygon(4), polygon(3, Math.PI),
  plus.map(([a, b]) => [(a - b) * Math.SQRT1_2, (a + b) * Math.SQRT1_2]), plus, polygon(5),
];

function classMarker(number, x, y, size) {
  const points = MARKERS[number % MARKERS.length];
  return points.map(([a, b]) => `${(x + size * a).toFixed(1)},${(y + size * b).toFixed(1)}`).join(" ");
}

// Round numbers from low to high, about n of them.
function niceTicks(low, high, n) {
  const rough = (high - low) / n;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * size >= rough) * size;
  const ticks = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * step; k++) {
    ticks.push(Number((k * step).toPrecision(12)));
  }
  return ticks;
}

function axisTicks(property, n) {
  const { low, high, scale } = property;
  if (scale === "sigmoid") {
    let last = -Infinity;
    return SIGMOID_TICKS
      .map((value) => [SCALES.sigmoid(value), general(value)])
      .filter(([place]) => {
        const keep = place >= low && place <= high && place - last > (high - low) / (2 * n);
        if (keep) last = place;
        return keep;
      });
  }
  if (scale !== "log10") return niceTicks(low, high, n).map((value) => [value, general(value)]);
  const whole = niceTicks(low, high, n).filter((value) => Number.isInteger(value));
  const ticks = whole.length > 1 ? whole : niceTicks(low, high, n);
  return ticks.map((value) => {
    const isBare = Number.isInteger(value) && (value < -4 || value > 5);
    return [value, isBare ? power(value) : general(10 ** value, 2)];
  });
}

// One property: a density per class, with the value of a source where there is one.
function drawDensity(property, curves, classes, { value, error, predicted, width = 300 } = {}) {
  const height = 108;
  const [left, right, top, bottom] = [8, 8, 6, 20];
  const { low, high, atoms, masses } = property;
  const x = (scaled) => left + ((scaled - low) / (high - low)) * (width - left - right);
  // The spike of a class of few sources may be cut off at the top.
  const y = (density) => Math.max(height - bottom - (density / property.peak) * (height - top - bottom), 1);
  const n = curves[0].length;
  const lines = curves.map((curve, c) => {
    let path = "";
    for (let k = 0; k < n; k++) {
      const at = low + (k / (n - 1)) * (high - low);
      path += `${k ? "L" : "M"}${x(at).toFixed(1)} ${y(curve[k]).toFixed(1)}`;
    }
    const chosen = predicted === c;
    const faint = predicted !== undefined && predicted >= 0 && !chosen;
    const line = svg("path", {
      d: path, fill: "none", stroke: classColor(c), class: faint ? "faint" : "curve",
      "stroke-dasharray": property.few[c] ? "3 2.5" : null,
    }, svg("title", {}, `${classes[c].name}${property.few[c] ? ", from few values" : ""}`));
    if (!chosen) return line;
    const area = `${path}L${x(high).toFixed(1)} ${y(0)}L${x(low).toFixed(1)} ${y(0)}Z`;
    return [svg("path", { d: area, fill: classColor(c), class: "area" }), line];
  });
  // Values with a probability of their own: a pin a class, as high as its probability.
  const most = Math.max(...masses.flat(), 1e-9);
  const spread = 2.5 * (classes.length - 1);
  const atomLines = atoms.map((atom, a) => masses[a].map((mass, c) => {
    // Side by side around their value, but within the axis.
    const middle = x(Math.min(Math.max(atom, low), high));
    const at = Math.min(Math.max(middle - spread / 2, left), width - right - spread) + 2.5 * c;
    const head = height - bottom - (mass / most) * (height - top - bottom) * 0.9;
    return svg("g", { class: predicted >= 0 && predicted !== c ? "faint" : "pin" },
      svg("title", {}, `${classes[c].name}: ${probability(mass)} have exactly this value`),
      svg("line", { x1: at, x2: at, y1: height - bottom, y2: head, stroke: classColor(c) }),
      svg("line", { x1: at - 1.5, x2: at + 1.5, y1: head, y2: head, stroke: classColor(c) }));
  }));
  const ticks = axisTicks(property, width / 70).map(([place, text]) => [
    svg("line", { x1: x(place), x2: x(place), y1: height - bottom, y2: height - bottom + 4, class: "tick" }),
    svg("text", { x: x(place), y: height - 4, "text-anchor": "middle" }, text),
  ]);
  const axis = svg("line", { x1: left, x2: width - right, y1: height - bottom, y2: height - bottom, class: "axis" });
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "density", role: "img", "aria-label": `Densities of ${property.column}` },
    lines, atomLines, axis, ticks,
    value === undefined || Number.isNaN(value) ? null : marker(property, value, error, { x, width, height, top, bottom }),
  );
}

function marker(property, value, error, { x, width, height, top, bottom }) {
  const scale = SCALES[property.scale];
  const { low, high } = property;
  const scaled = scale(value);
  const clip = (place) => Math.min(Math.max(place, low), high);
  const at = x(clip(scaled));
  const parts = [svg("line", { x1: at, x2: at, y1: top - 4, y2: height - bottom, class: "value" })];
  if (error > 0) {
    const [from, to] = [clip(scale(value - error)), clip(scale(value + error))];
    parts.unshift(svg("rect", {
      x: x(from), width: Math.max(x(to) - x(from), 0), y: top - 4, height: height - top - bottom + 4, class: "error",
    }));
  }
  if (scaled < low || scaled > high) {
    const [tip, tail] = scaled < low ? [at - 7, at] : [at + 7, at];
    parts.push(svg("path", { d: `M${tip} ${height / 2}L${tail} ${height / 2 - 5}V${height / 2 + 5}Z`, class: "beyond" }));
  }
  return parts;
}

// The final probabilities, then those of each category alone.
function drawTrack(columns, classes, width) {
  const height = 190;
  const isNarrow = width < 440;
  const [left, right, top, bottom] = [isNarrow ? 30 : 40, isNarrow ? 0 : 6, 8, 24];
  const places = columns.map((_, k) => left + ((k + 0.5) * (width - left - right)) / columns.length);
  const y = (p) => top + (Math.log10(Math.max(p, LOWEST)) / Math.log10(LOWEST)) * (height - top - bottom);
  const spread = Math.min(44, (0.6 * (width - left - right)) / columns.length);
  const shift = (c) => (classes.length < 2 ? 0 : (c / (classes.length - 1) - 0.5) * spread);
  const band = (width - left - right) / columns.length;
  const decades = [0, -2, -4, -6].map((exponent) => [
    svg("line", { x1: left, x2: width - right, y1: y(10 ** exponent), y2: y(10 ** exponent), class: "guide" }),
    svg("text", { x: left - 6, y: y(10 ** exponent) + 4, "text-anchor": "end" }, exponent === 0 ? "1" : power(exponent)),
  ]);
  const lines = classes.map((entry, c) => {
    const points = columns.map(({ values }, k) => [places[k] + shift(c), y(values[c]), values[c]]);
    return points.filter(([, b]) => !Number.isNaN(b)).map(([a, b, p]) => svg(
      "polygon",
      p < LOWEST
        ? { points: classMarker(c, a, b, 3.5), fill: "none", stroke: classColor(c) }
        : { points: classMarker(c, a, b, 5), fill: classColor(c), class: "point" },
      svg("title", {}, `${entry.name}: ${general(p, 3)}`),
    ));
  });
  const titles = columns.map(({ title }, k) => svg(
    "text", { x: places[k], y: height - 6, "text-anchor": "middle", class: k ? "" : "strong" }, title,
  ));
  return svg(
    "svg", { viewBox: `0 0 ${width} ${height}`, class: isNarrow ? "track narrow" : "track", role: "img", "aria-label": "Probabilities of each class, final and from each category alone" },
    svg("rect", { x: left, y: top - 4, width: band, height: height - top - bottom + 8, class: "shade" }),
    decades, lines, titles,
  );
}

// Parts in nats for one class against another: the strongest for it first.
function contributionRows(parts, nats, values, first, second) {
  const rows = parts.map(([kind, category, name], p) => {
    const difference = nats(p, first) - nats(p, second);
    const value = values(name);
    let label = name;
    if (kind === "property") label = `${name} = ${value}`;
    else if (kind === "missing") label = `${name} is ${value === MISSING ? "missing" : "known"}`;
    else if (kind === "detection") label = `${name} is ${value === MISSING ? "beyond" : "within"} its limit`;
    else if (kind === "presence") label = `presence of ${name}`;
    return { label, category, kind, nats: difference };
  }).filter((row) => !Number.isNaN(row.nats));
  const finite = rows.filter((row) => Number.isFinite(row.nats));
  const largest = Math.max(...finite.map((row) => Math.abs(row.nats)), 1e-9);
  const small = finite.filter((row) => Math.abs(row.nats) < SMALLEST_SHARE * largest);
  const shown = rows.filter((row) => !small.includes(row));
  if (small.length > 1) {
    const sum = small.reduce((total, row) => total + row.nats, 0);
    shown.push({ label: `${small.length} smaller parts`, category: "", kind: "rest", nats: sum });
  } else shown.push(...small);
  shown.sort((a, b) => b.nats - a.nats);
  return { rows: shown, largest: Math.max(largest, ...shown.filter((row) => Number.isFinite(row.nats)).map((row) => Math.abs(row.nats))) };
}

function drawContributions({ rows, largest }, first, second) {
  return h("table", { class: "nats" },
    h("tbody", {}, rows.map((row) => {
      const share = Math.min(Math.abs(row.nats) / largest, 1) * 50;
      const isFor = row.nats >= 0;
      return h("tr", {},
        h("th", { scope: "row" }, row.label, row.category && row.kind === "property" ? h("small", {}, row.category) : null),
        h("td", { class: "bar" }, h("div", {
          class: `${row.kind} ${isFor ? "for" : "against"}`,
          style: { "--share": `${share}%`, "--c": classColor(isFor ? first : second) },
        })),
        h("td", { class: "number" }, Number.isFinite(row.nats) ? sign(row.nats.toFixed(2)) : isFor ? "∞" : "−∞"));
    })));
}
