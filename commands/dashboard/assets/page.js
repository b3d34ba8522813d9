// The live board: rows by server-sent events, one cascade in full beside them.

import { count, element, interval, percent, span, spark } from "./parts.js";
import { figure } from "./plot.js";

const board = document.getElementById("board");
const body = board.tBodies[0];
const form = document.getElementById("query");
const panel = document.getElementById("detail");
const top = Number(board.dataset.top);
const rows = new Map();
let held = null; // the newest data
let shown = null; // the data shown; differs from held while paused
let paused = false;
let open = null; // link of the open cascade
let target = null; // link of the cascade that was asked for last: the open one, or one whose answer is pending
let figures = null; // the data of the open cascade
let connected = true;
let opener = null;
let keys = true;
let answer = { query: "", rows: null, of: null }; // the server's rows of a query, and the data when it was asked
let asking = false;
let asked = 0; // time of the last question
let later = 0;
let first = "";

// ---- rows

const ORDERS = {
  predicted: (row) => row.predicted,
  observed: (row) => row.observed,
  growth: (row) => row.predicted / Math.max(1, row.observed),
  youth: (row) => -(row.age ?? Infinity),
  above: (row) => (row.above ? row.above[1] : -1),
};

function wanted(all) {
  const text = form.elements.q.value.trim().toLowerCase();
  const by = ORDERS[form.elements.sort.value] ?? ORDERS.predicted;
  return all
    .filter((row) => !text || row.msg.toLowerCase().includes(text) || row.name.toLowerCase().includes(text))
    .sort((a, b) => by(b) - by(a) || a.rank - b.rank)
    .slice(0, top);
}

// The query that only the server can answer: the data holds the largest rows alone.
function further(among) {
  const { q, sort, ended } = form.elements;
  const total = shown.cascades - (ended.checked ? 0 : shown.ended);
  if (among.length >= total || (!q.value.trim() && sort.value === "predicted")) return { query: "", total };
  const values = { q: q.value.trim(), sort: sort.value, ...(ended.checked ? { ended: "1" } : {}) };
  return { query: String(new URLSearchParams(values)), total };
}

// Asks again after new data, at most once a second for the same query, one question at a time.
async function ask(query) {
  const of = shown;
  const isSame = answer.query === query;
  if (asking || paused || (isSame && answer.of === of)) return;
  const wait = asked + 1000 - Date.now();
  clearTimeout(later);
  if (isSame && wait > 0) return void (later = setTimeout(render, wait));
  asking = true;
  asked = Date.now();
  try {
    const reply = await fetch(`/rows.json?${query}`);
    if (reply.ok) answer = { query, rows: await reply.json(), of };
  } catch { /* the state is shown by the events */ }
  asking = false;
  if (answer.query === query && !paused) render();
}

function made(row) {
  const cell = (name) => element("td", { role: "cell", class: name });
  const cells = Object.fromEntries(["rank", "change", "text", "observed", "predicted", "above", "age", "spark"].map((name) => [name, cell(name)]));
  const link = element("a", { href: row.href }, element("bdi"));
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    opener = row.href;
    show(row.href, true);
  });
  cells.text.append(link, element("span", { class: "name" }));
  cells.observed.append(element("span"), element("span", { class: "wide" }), element("span", { class: "narrow" }));
  cells.predicted.append(element("b"), " ", element("em", { class: "exceeded" }), " ", element("span", { class: "interval" }));
  return { tr: element("tr", { role: "row" }, ...Object.values(cells)), cells, link, rank: row.rank, bars: "" };
}

// Changes the text only where it changed: a selection and a screen reader's place survive.
function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function fill(part, row) {
  const { cells, link } = part;
  set(cells.rank, String(row.rank));
  const change = row.change;
  cells.change.className = "change" + (row.new ? " new" : change > 0 ? " up" : change < 0 ? " down" : "");
  set(cells.change, row.new ? "new" : !change ? (change === 0 ? "=" : "") : `${change > 0 ? "▲" : "▼"} ${Math.abs(change)}`);
  set(link.firstChild, row.msg || "(no text)");
  set(cells.text.lastChild, row.name);
  const over = row.ended !== null;
  set(cells.observed.children[0], count(row.observed));
  set(cells.observed.children[1], over ? " final" : "");
  // A narrow page has no headings: "9,444 events, over, 21d23h".
  set(cells.observed.children[2], (row.observed === 1 ? " event" : " events") + (over ? ", over" : "") + (row.age === null ? "" : ","));
  set(cells.predicted.children[1], row.exceeded ? "exceeded" : "");
  set(cells.predicted.firstChild, count(row.predicted));
  set(cells.predicted.lastChild, interval(row));
  set(cells.above, row.above ? percent(row.above[1]) : "");
  set(cells.age, row.age === null ? "" : span(row.age));
  const bars = row.spark.join();
  if (bars !== part.bars) cells.spark.replaceChildren(...(row.spark.length ? [spark(row.spark)] : []));
  part.bars = bars;
  part.tr.classList.toggle("chosen", row.href === open);
  if (part.rank !== row.rank) {
    part.tr.classList.remove("moved");
    requestAnimationFrame(() => part.tr.classList.add("moved"));
  }
  part.rank = row.rank;
}

function render() {
  if (!shown) return;
  const among = form.elements.ended.checked ? shown.all : shown.open;
  const { query, total } = further(among);
  if (query) ask(query);
  const isWhole = !query || (answer.query === query && answer.rows !== null);
  const list = query && isWhole ? answer.rows : wanted(among);
  const note = document.getElementById("among");
  note.hidden = isWhole;
  set(note, isWhole ? "" : `Among the ${count(among.length)} largest predictions of ${count(total)} cascades.`);
  const focus = document.activeElement;
  const focused = [...body.rows].findIndex((row) => row.contains(focus));
  const keep = new Set(list.map((row) => row.href));
  for (const [href, part] of rows) if (!keep.has(href)) { part.tr.remove(); rows.delete(href); }
  list.forEach((row, place) => {
    if (!rows.has(row.href)) rows.set(row.href, made(row));
    const part = rows.get(row.href);
    fill(part, row);
    if (body.rows[place] !== part.tr) body.insertBefore(part.tr, body.rows[place] ?? null);
  });
  // Moving a row takes its focus away.
  if (focus && focus !== document.activeElement && focus.isConnected) focus.focus({ preventScroll: true });
  // The row of the focus has left the table: the row in its place has it.
  if (focused >= 0 && !focus.isConnected) {
    const row = body.rows[Math.min(focused, body.rows.length - 1)];
    (row?.querySelector("a") ?? form.elements.q).focus({ preventScroll: true });
  }
  board.setAttribute("aria-label", `Cascades, by ${form.elements.sort.value}`);
  board.classList.toggle("no-above", list.length > 0 && !list.some((row) => row.above));
  const sizes = new Set(list.filter((row) => row.above).map((row) => row.above[0]));
  set(document.getElementById("above"), sizes.size === 1 ? count([...sizes][0]) : "N");
  const empty = document.getElementById("empty");
  empty.hidden = list.length > 0;
  const over = `${count(shown.ended)} ${shown.ended === 1 ? "cascade is" : "cascades are"} over and not shown; tick "include cascades that are over"`;
  set(empty, among.length ? "No cascade matches the filter." : shown.ended ? over : "No alerts yet.");
  const largest = among[0]?.href ?? "";
  if (first && largest !== first) announce(`Largest prediction: ${among[0].msg || among[0].name}`);
  first = largest;
}

function state(text) {
  const numbers = shown ? `${count(shown.alerts)} alerts, ${count(shown.cascades)} cascades, ` : "";
  set(document.getElementById("state"), numbers + text);
}

function showState() {
  if (!connected) return state(paused ? "paused, not connected, retrying" : "not connected, retrying");
  state(paused ? "paused" : held?.over ? "end of input" : "live");
}

let announced = 0;
function announce(text) {
  // At most every ten seconds, so that a screen reader can finish.
  if (Date.now() - announced < 10000) return;
  announced = Date.now();
  document.getElementById("announcement").textContent = text;
}

// ---- one cascade

async function show(href, focus) {
  const fresh = open !== href;
  target = href;
  let data;
  try {
    const reply = await fetch(href.replace("/cascade?", "/cascade.json?"));
    if (target !== href) return;
    // After a restart the server may not hold the cascade.
    if (reply.status === 404) return fresh ? refuse("The server does not hold this cascade.") : stale();
    if (!reply.ok) throw new Error(String(reply.status));
    data = await reply.json();
  } catch {
    if (target === href && fresh) refuse("The server does not answer: the cascade cannot be opened. Try again later.");
    return;
  }
  if (target !== href || (paused && !fresh)) return;
  open = href;
  problem("");
  draw(data, fresh, focus);
  if (fresh) history.replaceState(null, "", "#" + href.split("?")[1]);
  render();
}

function problem(text) {
  const note = document.getElementById("problem");
  note.hidden = !text;
  set(note, text);
}

// Reports that a cascade cannot be opened; the one that was open stays.
function refuse(text) {
  target = open;
  problem(text);
}

// Updates the open cascade at most once a second, also after the last data of a burst.
let due = 0;
let refreshing = 0;
function refresh() {
  clearTimeout(refreshing);
  if (!open || paused || target !== open) return;
  const wait = due - Date.now();
  if (wait > 0) return void (refreshing = setTimeout(refresh, wait));
  due = Date.now() + 1000;
  show(open, false);
}

function draw(data, fresh, focus) {
  const place = fresh ? 0 : panel.querySelector("details div")?.scrollTop ?? 0;
  const unfolded = !fresh && panel.querySelector("details")?.open;
  const note = data === figures && panel.querySelector(".stale");
  panel.hidden = false;
  document.querySelector(".columns").classList.add("open");
  panel.replaceChildren(...content(data));
  if (note) panel.insertBefore(note, panel.firstChild);
  figures = data;
  if (unfolded) {
    panel.querySelector("details").open = true;
    panel.querySelector("details div").scrollTop = place;
  }
  if (focus) panel.focus();
}

// Marks the open cascade: its figures change no more.
function stale() {
  if (panel.querySelector(".stale")) return;
  const text = "The server does not hold this cascade any more; these are its last figures.";
  panel.insertBefore(element("p", { class: "stale", role: "status" }, text), panel.firstChild);
}

function content(data) {
  const { row } = data;
  const shut = element("button", { type: "button", class: "close" }, "Close");
  shut.addEventListener("click", close);
  const title = element("h2", { id: "detail-title" }, element("bdi", {}, row.msg || "(no text)"));
  const figures = element("dl", { class: "figures" });
  const add = (name, value, small = "") =>
    figures.append(element("div", {}, element("dt", {}, name), element("dd", {}, value, ...(small ? [element("small", {}, small)] : []))));
  add("Predicted size", count(row.predicted), (row.interval ? `${interval(row)} (${Math.round(row.interval[2] * 100)}%)` : "") + (row.exceeded ? " exceeded" : ""));
  add(row.ended === null ? "Observed" : "Final size", count(row.observed));
  if (row.above) add(`More than ${count(row.above[0])}`, percent(row.above[1]));
  if (row.age !== null) add("Age", span(row.age), `window ${span(row.window).replace(/(m00s|h00m|d00h)$/, (u) => u[0])}`);
  add("Rank", String(row.rank));
  add("Model", row.model || "-", row.status && row.status !== "ok" ? `fit: ${row.status}` : "");
  const width = Math.max(280, (panel.clientWidth || 600) - 40);
  const reaches = element("ul");
  for (const [size, age] of data.reaches)
    reaches.append(element("li", {}, `${count(size)} ${size === 1 ? "event" : "events"}: ` + (size <= row.observed ? "reached" : age === null ? "not expected" : `expected at the age of ${span(age)}`)));
  const parts = [shut, title, element("span", { class: "name" }, row.name), figures, ...figure(data, width)];
  if (data.reasons.length)
    parts.push(element("h3", {}, "Largest contributions"), element("ul", {}, ...data.reasons.map((it) => element("li", {}, it))));
  if (data.reaches.length) parts.push(element("h3", {}, "Expected time to reach a size"), reaches);
  if (data.history.length > 1) {
    const alerts = data.history.map(([window, size]) => element("li", {}, `window ${span(window)}: ${count(size)}`));
    parts.push(element("h3", {}, "Predictions by window"), element("ul", {}, ...alerts));
  }
  return [...parts, table(data)];
}

function table(data) {
  const line = (kind, ...cells) => element("tr", {}, ...cells.map((cell) => element(kind, kind === "th" ? { scope: "col" } : {}, cell)));
  const every = Math.max(1, Math.ceil(data.growth.length / 40));
  const lines = data.growth.filter((_, i) => i % every === 0 || i === data.growth.length - 1).map(([age, n]) => line("td", span(age), count(n), "observed"));
  for (const [age, n, low, high] of data.continuation) lines.push(line("td", span(age), count(n), `${count(low)}–${count(high)}`));
  const whole = element("table", { "aria-label": "Growth in figures" }, element("thead", {}, line("th", "Age", "Events", "Interval")), element("tbody", {}, ...lines));
  const scroll = element("div", { tabindex: "0", role: "region", "aria-label": "Growth in figures" }, whole);
  return element("details", {}, element("summary", {}, "Figures"), scroll);
}

function close() {
  open = target = figures = null;
  problem("");
  panel.hidden = true;
  panel.replaceChildren();
  document.querySelector(".columns").classList.remove("open");
  history.replaceState(null, "", location.pathname + location.search);
  render();
  rows.get(opener)?.link.focus();
}

// ---- tools and keys

const tools = document.getElementById("tools");
function button(text, pressed, act) {
  const it = element("button", { type: "button", "aria-pressed": String(pressed) }, text);
  it.addEventListener("click", act);
  tools.append(it);
  return it;
}
function pause() {
  paused = !paused;
  pauser.setAttribute("aria-pressed", String(paused));
  if (!paused) shown = held;
  showState();
  render();
  due = 0;
  refresh();
}
function theme() {
  const dark = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = dark === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  themer.setAttribute("aria-pressed", String(next === "dark"));
  try { localStorage.setItem("theme", next); } catch { /* private windows have none */ }
}
const pauser = button("Pause", false, pause);
let saved = null;
try { saved = localStorage.getItem("theme"); } catch { /* private windows have none */ }
if (saved === "dark" || saved === "light") document.documentElement.dataset.theme = saved;
const themer = button("Dark", (saved ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark", theme);
const keyer = button("Keys", true, () => {
  keys = !keys;
  keyer.setAttribute("aria-pressed", String(keys));
});
keyer.title = "p pause, / filter, s sort, t light or dark, j and k through the rows, Enter opens, Escape closes";

function step(by) {
  const links = [...body.querySelectorAll("a")];
  const place = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, place + by))]?.focus();
}
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && open) return close();
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
  if (!keys || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const sort = form.elements.sort;
  const act = {
    p: pause,
    t: theme,
    j: () => step(1),
    k: () => step(-1),
    "/": () => form.elements.q.focus(),
    s: () => { sort.selectedIndex = (sort.selectedIndex + 1) % sort.length; render(); announce(`Sorted by ${sort.value}`); },
  }[event.key];
  if (act) { event.preventDefault(); act(); }
});
form.addEventListener("input", render);
form.addEventListener("submit", (event) => { event.preventDefault(); render(); });
document.getElementById("submit").hidden = true;

// ---- events

let events = null;
let again = 0;

function take(event) {
  held = JSON.parse(event.data);
  connected = true;
  if (paused) return showState();
  if (!shown) body.replaceChildren();
  shown = held;
  showState();
  render();
  refresh();
}

function connect() {
  clearTimeout(again);
  events?.close();
  events = null;
  // Browsers open few connections to a host: a page that nobody sees holds none.
  if (document.hidden) return;
  const stream = new EventSource("/events");
  events = stream;
  stream.addEventListener("board", take);
  stream.addEventListener("error", () => {
    if (events !== stream) return;
    connected = false;
    showState();
    // After an answer that is no stream the browser does not retry.
    if (stream.readyState === EventSource.CLOSED) again = setTimeout(connect, 3000);
  });
}
document.addEventListener("visibilitychange", connect);
connect();
addEventListener("resize", () => { if (figures) draw(figures, false, false); });
if (location.hash.length > 1) show("/cascade?" + location.hash.slice(1), false);
