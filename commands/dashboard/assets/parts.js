// Elements and figures. Texts are set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function drawn(name, attributes = {}, text) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

export const count = (n) => Math.abs(n) >= 1e15 ? n.toExponential(1) : (Math.abs(n) < 10 ? tenths : whole).format(n);
export const compact = (n) => short.format(n);

export function span(seconds) {
  const s = Math.floor(Math.max(0, seconds));
  const two = (n) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${two(Math.floor(s / 60) % 60)}m`;
  return `${Math.floor(s / 86400)}d${two(Math.floor(s / 3600) % 24)}h`;
}

export function percent(p) {
  if (p > 0 && p < 0.01) return "<1%";
  if (p < 1 && p > 0.99) return ">99%";
  return `${Math.round(p * 100)}%`;
}

export function interval(row) {
  return row.interval ? `${count(row.interval[0])}–${count(row.interval[1])}` : "";
}

// Bars of the events in equal stretches of a cascade's life.
export function spark(counts) {
  const [width, height, gap] = [96, 24, 1];
  const svg = drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  counts.forEach((n, i) => {
    const tall = n === 0 ? 1 : 2 + (height - 2) * (n / most);
    svg.append(drawn("rect", { x: i * step, y: height - tall, width: step - gap, height: tall, rx: 1 }));
  });
  return svg;
}
