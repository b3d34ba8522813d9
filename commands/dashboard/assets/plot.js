// The growth of one cascade: observed, expected, and the band of the interval.

import { compact, count, drawn, element, span } from "./parts.js";

const HEIGHT = 280;
const EDGE = { left: 50, right: 14, top: 14, bottom: 30 };

// Round steps that cut `most` into about `pieces`; none but 0 where there is no such step.
function ticks(most, pieces, units) {
  const rough = most / pieces;
  const step = units.find((unit) => unit >= rough) ??
    [1, 2, 5, 10].map((d) => d * 10 ** Math.floor(Math.log10(rough))).find((s) => s >= rough);
  const number = Math.floor((most * 1.0001) / step);
  if (!(step > 0) || !(number >= 0 && number < 1000)) return [0];
  return Array.from({ length: number + 1 }, (_, i) => i * step);
}

const TIMES = [10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800];

// A span without its smaller unit where that is nothing.
const round = (t) => t === 0 ? "0" : span(t).replace(/(m00s|h00m|d00h)$/, (u) => u[0]);

// The largest age drawn: until 95 % of the expected growth, but at most twelve windows, so that the
// observed part stays visible.
function horizon(data) {
  const { row, growth, continuation } = data;
  const seen = growth.length ? growth[growth.length - 1][0] : 0;
  const enough = row.observed + 0.95 * (row.predicted - row.observed);
  const point = continuation.find(([, events]) => events >= enough) ?? continuation[continuation.length - 1];
  const far = Math.min(point ? point[0] : row.window * 2, row.window * 12);
  return Math.max(60, seen, row.window * 1.1, far);
}

// The observed or expected size at an age.
function at(data, age) {
  const { growth, continuation } = data;
  const last = growth.length ? growth[growth.length - 1][0] : -1;
  const after = continuation.findIndex(([t]) => t >= age);
  if (age > last && after > 0) {
    const [a, b] = [continuation[after - 1], continuation[after]];
    const share = (age - a[0]) / (b[0] - a[0]);
    const [, events, low, high] = a.map((value, i) => value + share * (b[i] - value));
    return `${span(age)}: ${count(events)} expected (${count(low)}–${count(high)})`;
  }
  let observed = null;
  for (const [t, n] of growth) if (t <= age) observed = n;
  return observed === null ? "" : `${span(age)}: ${count(observed)} observed`;
}

export function plot(data, width) {
  const { row, growth, continuation } = data;
  const right = horizon(data);
  const tops = [row.observed, row.predicted, ...growth.map((p) => p[1])];
  for (const [age, , , high] of continuation) if (age <= right) tops.push(high);
  if (!continuation.length && row.interval) tops.push(row.interval[1]);
  // A very wide band must not flatten the curve.
  const highest = Math.min(Math.max(...tops), 3 * Math.max(row.observed, row.predicted)) * 1.06;
  // A prediction of 0 has an empty axis.
  const most = highest > 0 ? Math.min(highest, 1e300) : 1;
  const x = (age) => EDGE.left + (Math.min(age, right) / right) * (width - EDGE.left - EDGE.right);
  const y = (n) => HEIGHT - EDGE.bottom - (Math.min(n, most) / most) * (HEIGHT - EDGE.top - EDGE.bottom);
  const path = (points) => points.map(([a, b], i) => `${i ? "L" : "M"}${x(a).toFixed(1)} ${y(b).toFixed(1)}`).join("");
  const label = `Observed ${count(row.observed)} events, predicted ${count(row.predicted)}` +
    (row.interval ? ` (${count(row.interval[0])} to ${count(row.interval[1])})` : "") + ". The figures are below.";
  const svg = drawn("svg", { class: "plot", height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label });

  for (const n of ticks(most, 5, [])) {
    svg.append(drawn("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: y(n), y2: y(n) }));
    svg.append(drawn("text", { x: EDGE.left - 7, y: y(n) + 4, "text-anchor": "end" }, compact(n)));
  }
  for (const t of ticks(right, Math.max(3, width / 95), TIMES)) {
    const anchor = x(t) > width - 50 ? "end" : "middle";
    svg.append(drawn("text", { x: x(t), y: HEIGHT - 10, "text-anchor": anchor }, round(t)));
  }
  svg.append(drawn("line", { class: "window", x1: x(row.window), x2: x(row.window), y1: EDGE.top, y2: HEIGHT - EDGE.bottom }));
  const late = x(row.window) > width - 120;
  svg.append(drawn("text", { class: "window-name", x: x(row.window) + (late ? -5 : 5), y: EDGE.top + 9, "text-anchor": late ? "end" : "start" }, `${round(row.window)} window`));
  const shown = inside(continuation, right);
  if (shown.length > 1) {
    const upper = shown.map(([age, , , high]) => [age, high]);
    const lower = shown.map(([age, , low]) => [age, low]).reverse();
    svg.append(drawn("path", { class: "band", d: `${path(upper)}${path(lower).replace("M", "L")}Z` }));
    svg.append(drawn("path", { class: "expected", d: path(shown.map(([age, n]) => [age, n])) }));
  } else {
    // The alert has no curve: draws the predicted size only.
    if (row.interval) {
      const [low, high] = row.interval;
      svg.append(drawn("rect", { class: "band", x: x(row.window), width: x(right) - x(row.window), y: y(high), height: y(low) - y(high) }));
    }
    svg.append(drawn("path", { class: "expected", d: path([[row.window, row.predicted], [right, row.predicted]]) }));
  }
  if (growth.length) {
    const steps = growth.flatMap(([age, n], i) => (i ? [[age, growth[i - 1][1]], [age, n]] : [[age, n]]));
    // Up to the end of the window no other event occurred; after it, others may not have been read.
    const end = row.window;
    if (growth[growth.length - 1][0] < end) steps.push([end, growth[growth.length - 1][1]]);
    svg.append(drawn("path", { class: "seen", d: path(steps) }));
  }
  return { svg, ages: (pixel) => Math.max(0, ((pixel - EDGE.left) / (width - EDGE.left - EDGE.right)) * right), x };
}

// The continuation up to `right`, cut there.
function inside(continuation, right) {
  const points = [];
  for (let i = 0; i < continuation.length; i++) {
    const point = continuation[i];
    if (point[0] > right) {
      const before = continuation[i - 1];
      if (before) {
        const share = (right - before[0]) / (point[0] - before[0]);
        points.push(before.map((value, k) => value + share * (point[k] - value)));
      }
      break;
    }
    points.push(point);
  }
  return points;
}

// The plot with what the pointer points at.
export function figure(data, width) {
  const { svg, ages, x } = plot(data, width);
  const readout = element("p", { class: "readout" });
  const pointer = drawn("line", { class: "pointer", y1: EDGE.top, y2: HEIGHT - EDGE.bottom, visibility: "hidden" });
  svg.append(pointer);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const age = ages(((event.clientX - box.left) / box.width) * width);
    pointer.setAttribute("x1", x(age));
    pointer.setAttribute("x2", x(age));
    pointer.setAttribute("visibility", "visible");
    readout.textContent = at(data, age);
  });
  svg.addEventListener("pointerleave", () => {
    pointer.setAttribute("visibility", "hidden");
    readout.textContent = "";
  });
  const legend = element("p", { class: "legend" });
  const part = (kind, text) => legend.append(element("span", {}, element("i", { class: kind }), text));
  part("s", "observed");
  part("e", "expected");
  if (data.row.interval) part("b", `${Math.round(data.row.interval[2] * 100)}% interval`);
  return [svg, legend, readout];
}
