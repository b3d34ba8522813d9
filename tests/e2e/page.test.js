// The dashboard's page in a real browser: what it shows, what it survives, who can use it.
//
// TWEETOSCOPE names the binary (target/debug/tweetoscope without it), CHROMIUM the browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, beforeEach, describe, test } from "node:test";
import { inflateSync } from "node:zlib";

const root = new URL("../../", import.meta.url).pathname;
const binary = process.env.TWEETOSCOPE ?? `${root}target/debug/tweetoscope`;
const browserPath = process.env.CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
const require = createRequire(import.meta.url);
let playwright = null;
try { playwright = require("playwright-core"); } catch { /* said below */ }
const missing = [!playwright && "npm packages (npm ci in tests/e2e)", !browserPath && "chromium"].filter(Boolean).join(" and ");
if (missing && process.env.CI) throw new Error(`missing in CI: ${missing}`);

const HOSTILE = [
  "<script>window.owned = 1</script>",
  "<img src=x onerror='window.owned = 2'>",
  "\"><svg onload=window.owned=3>",
  "javascript:window.owned=4",
  "</bdi></td></table><style>body{display:none}</style>",
  "\u202egnitirw\u202c \u001b[2J {{7*7}} ${7*7} \u0000 end",
];

function serie(cid, n, msg) {
  const tweets = Array.from({ length: n }, (_, i) => [Math.round(((i / n) ** 2) * 590), 10 + i]);
  return { type: "serie", cid, source: "2", t: 601, msg, T_obs: 600, tweets };
}

function alert(cid, size, msg, t = 601) {
  const n = 40;
  const curve = [300, 900, 1800, 3600, 7200, 14400, 86400].map((s) => [s, n + (size - n) * (1 - Math.exp(-s / 3000))]);
  return {
    type: "alert", cid, source: "2", t, msg, T_obs: 600, n_obs: n, n_tot: size,
    interval: { level: 0.9, low: n + (size - n) * 0.4, high: n + (size - n) * 2.5 },
    p_above: { 1000: Math.min(0.999, size / 2000) }, curve, status: "ok", model: "600-3",
  };
}

// Red, green, blue of every pixel of an 8-bit PNG without interlacing.
function pixels(png) {
  let at = 8;
  let [width, channels] = [0, 4];
  const parts = [];
  while (at < png.length) {
    const length = png.readUInt32BE(at);
    const kind = png.toString("latin1", at + 4, at + 8);
    if (kind === "IHDR") [width, channels] = [png.readUInt32BE(at + 8), png[at + 17] === 2 ? 3 : 4];
    if (kind === "IDAT") parts.push(png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const raw = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  const rows = raw.length / (stride + 1);
  const out = Buffer.alloc(rows * stride);
  for (let y = 0; y < rows; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x < channels ? 0 : out[y * stride + x - channels];
      const up = y === 0 ? 0 : out[(y - 1) * stride + x];
      const corner = x < channels || y === 0 ? 0 : out[(y - 1) * stride + x - channels];
      const guess = left + up - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? up : corner;
      const add = [0, left, up, (left + up) >> 1, paeth][filter];
      out[y * stride + x] = raw[y * (stride + 1) + 1 + x] + add;
    }
  }
  return Array.from({ length: out.length / channels }, (_, i) => [...out.subarray(i * channels, i * channels + 3)]);
}

const like = ([r, g, b]) => ([x, y, z]) => Math.abs(r - x) + Math.abs(g - y) + Math.abs(b - z) < 40;

describe("the page", { skip: missing ? `needs ${missing}` : false, timeout: 180_000 }, () => {
  let dashboard, address, browser, page, trouble;
  const send = (...records) => dashboard.stdin.write(records.map((r) => JSON.stringify(r) + "\n").join(""));
  const texts = () => page.locator("#board tbody td.text bdi").allTextContents();
  const says = (wanted) => page.waitForFunction(wanted, null, { timeout: 10_000 });

  before(async () => {
    dashboard = spawn(binary, ["dashboard", "--http", "127.0.0.1:0"], { stdio: ["pipe", "ignore", "pipe"] });
    dashboard.stdin.on("error", () => {});
    address = await new Promise((found, failed) => {
      let said = "";
      dashboard.stderr.on("data", (data) => {
        said += data;
        const url = said.match(/http:\/\/\S+/);
        if (url) found(url[0]);
      });
      dashboard.on("exit", () => failed(new Error(`the dashboard ended: ${said}`)));
    });
    browser = await playwright.chromium.launch({
      executablePath: browserPath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    for (let i = 0; i < 12; i++) send(serie(`c${i}`, 40, `cascade number ${i}`), alert(`c${i}`, 100 + 10 * i, `cascade number ${i}`));
  });
  after(async () => {
    await browser?.close();
    dashboard?.kill();
  });

  async function visit(options = {}, path = "") {
    await page?.context().close();
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    page = await context.newPage();
    trouble = [];
    page.on("console", (it) => ["error", "warning"].includes(it.type()) && trouble.push(it.text()));
    page.on("pageerror", (error) => trouble.push(error.message));
    page.on("dialog", (dialog) => { trouble.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on("request", (request) => request.url().startsWith(address) || trouble.push(`foreign request: ${request.url()}`));
    await page.goto(address + path);
    if (options.javaScriptEnabled !== false) await says(() => document.querySelectorAll("#board tbody tr").length === 10 && document.getElementById("state").textContent.includes("live"));
  }
  beforeEach(() => visit());
  const clean = () => assert.deepEqual(trouble, []);

  async function accessible(what) {
    await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const { violations } = await page.evaluate(() => window.axe.run());
    assert.deepEqual(violations.map((it) => [what, it.id, it.nodes[0].html]), []);
  }

  test("shows the ten largest predictions, and follows them as they change places", async () => {
    assert.deepEqual(await texts(), Array.from({ length: 10 }, (_, i) => `cascade number ${11 - i}`));
    send(alert("c4", 5000, "", 700), alert("c11", 50, "", 700));
    await says(() => document.querySelector("#board tbody bdi").textContent === "cascade number 4");
    const first = page.locator("#board tbody tr").first();
    assert.equal(await first.locator(".predicted b").textContent(), "5,000");
    assert.equal(await first.locator(".rank").textContent(), "1");
    assert.match(await first.locator(".change").textContent(), /▲ \d|new/);
    assert.ok(!(await texts()).includes("cascade number 11"), "it fell out of the ten");
    assert.ok((await page.locator("#board .spark rect").count()) >= 100, "sparklines are drawn");
    clean();
  });

  test("filters, sorts, hides terminated cascades, and holds still when paused", async () => {
    await page.fill("input[name=q]", "number 7");
    assert.deepEqual(await texts(), ["cascade number 7"]);
    await page.fill("input[name=q]", "nothing like it");
    assert.match(await page.locator("#empty").textContent(), /matches the filter/);
    await page.fill("input[name=q]", "");
    await page.selectOption("select[name=sort]", "youth");
    send({ type: "size", cid: "c7", source: "2", t: 800, T_obs: 600, n_tot: 44, t_end: 700 });
    await page.check("input[name=ended]");
    await says(() => [...document.querySelectorAll("#board .observed")].some((it) => it.textContent.startsWith("44 final")));
    await page.uncheck("input[name=ended]");
    assert.ok(!(await texts()).includes("cascade number 7"));
    await page.click("#tools >> text=Pause");
    const held = await texts();
    send(alert("c2", 9000, "", 900));
    await page.waitForTimeout(700);
    assert.deepEqual(await texts(), held);
    assert.match(await page.locator("#state").textContent(), /paused/);
    await page.click("#tools >> text=Pause");
    await page.selectOption("select[name=sort]", "predicted");
    assert.equal((await texts())[0], "cascade number 2");
    clean();
  });

  test("opens a cascade whose curve has pixels, and follows it", async () => {
    await page.click("#board tbody a >> nth=0");
    await page.waitForSelector("#detail svg.plot");
    const colour = (name) => page.evaluate((name) => {
      const it = getComputedStyle(document.querySelector(`.plot .${name}`)).stroke;
      return it.match(/\d+/g).map(Number);
    }, name);
    const seen = pixels(await page.locator("svg.plot").screenshot());
    for (const [name, least] of [["seen", 15], ["expected", 150]]) {
      const found = seen.filter(like(await colour(name))).length;
      assert.ok(found > least, `${name}: ${found} pixels`);
    }
    assert.ok(new Set(seen.map(String)).size > 10, "band, grid and figures are there too");
    assert.match(await page.locator("#detail").textContent(), /events: expected at the age of/);
    assert.match(page.url(), /#source=2&cid=c2$/);
    await page.hover("svg.plot");
    assert.match(await page.locator(".readout").textContent(), /expected|observed/);
    send(alert("c2", 12345, "", 1000));
    await says(() => document.querySelector("#detail dd").textContent.includes("12,345"));
    await page.click("text=Figures");
    assert.ok(await page.locator("#detail td").first().isVisible());
    clean();
  });

  test("is led by the keyboard alone", async () => {
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#detail svg.plot");
    assert.equal(await page.evaluate(() => document.activeElement.id), "detail");
    await page.keyboard.press("Escape");
    assert.ok(await page.locator("#detail").isHidden());
    const focused = await page.evaluate(() => document.activeElement.textContent);
    assert.equal(focused, (await texts())[1], "the focus is where it came from");
    send(alert("c9", 20000, "", 1100));
    await says(() => document.querySelector("#board tbody bdi").textContent === "cascade number 9");
    assert.equal(await page.evaluate(() => document.activeElement.textContent), focused, "moving rows keep it");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.name), "q");
    await page.keyboard.type("ps");
    assert.ok(!(await page.locator("#state").textContent()).includes("paused"), "letters are typed, not obeyed");
    await page.keyboard.press("Tab");
    await page.locator("text=Keys").press("Enter");
    await page.keyboard.press("p");
    assert.ok(!(await page.locator("#state").textContent()).includes("paused"), "keys can be switched off");
    clean();
  });

  test("is for everybody: axe finds nothing, light, dark and at 360 pixels", async () => {
    for (const options of [{ colorScheme: "light" }, { colorScheme: "dark" }, { viewport: { width: 360, height: 740 }, colorScheme: "dark" }]) {
      await visit(options);
      await accessible("board");
      await page.click("#board tbody a >> nth=0");
      await page.waitForSelector("#detail svg.plot");
      await accessible("detail");
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${wide} pixels too wide`);
      clean();
    }
    await page.click("text=Dark");
    await accessible("the other theme");
  });

  test("shows hostile text and executes none of it", async () => {
    HOSTILE.forEach((text, i) => {
      const cid = `${text}${i}`;
      send({ ...serie(cid, 40, text), source: text }, { ...alert(cid, 50_000 + i, text, 1200), source: text, model: text, status: text });
    });
    await says(() => document.querySelectorAll("#board tbody tr")[5].textContent.includes("window.owned = 1"));
    const shown = await texts();
    for (const text of HOSTILE.slice(0, 5)) assert.ok(shown.includes(text), `${text} in ${shown}`);
    assert.ok(shown.some((text) => text.startsWith("\\u{202e}gnitirw") && text.includes("\\u{1b}[2J")));
    for (let i = 0; i < HOSTILE.length; i++) {
      const text = (await texts())[i];
      await page.click(`#board tbody a >> nth=${i}`);
      // The detail of the one before may still be there for a moment.
      await page.waitForFunction((text) => document.querySelector("#detail h2")?.textContent === text, text);
      await page.waitForSelector("#detail svg.plot");
    }
    const foreign = await page.evaluate(() => ({
      owned: window.owned ?? null,
      elements: document.querySelectorAll("body script, body style, body iframe, #board img, #board svg:not(.spark svg), #detail img").length,
      seen: getComputedStyle(document.body).display,
    }));
    assert.deepEqual(foreign, { owned: null, elements: 0, seen: "block" });
    clean();
    // A script that was tricked could still not make markup of a text.
    const tricked = await page.evaluate(() => {
      try { document.body.innerHTML = "<b>x</b>"; return "done"; } catch (error) { return error.name; }
    });
    assert.equal(tricked, "TypeError");
  });

  test("finds cascades beyond the largest 200 by the server", async () => {
    for (let i = 0; i < 250; i++) send(alert(`m${i}`, 41 + i / 1000, `minor ${i}.`, 1300));
    await says(() => /2\d\d cascades/.test(document.getElementById("state").textContent));
    await page.fill("input[name=q]", "minor 3.");
    await says(() => document.querySelectorAll("#board tbody tr").length === 1);
    assert.deepEqual(await texts(), ["minor 3."]);
    assert.ok(await page.locator("#among").isHidden());
    await page.click("#tools >> text=Pause");
    await page.fill("input[name=q]", "minor 4.");
    assert.match(await page.locator("#among").textContent(), /Among the 200 largest predictions of 2\d\d cascades/);
    clean();
  });

  test("opens a cascade that is predicted to have no events", async () => {
    send({ type: "alert", cid: "zero", source: "z", t: 1400, T_obs: 600, n_tot: 0 });
    await page.fill("input[name=q]", "z/zero");
    await says(() => document.querySelectorAll("#board tbody tr").length === 1);
    await page.click("#board tbody a");
    await page.waitForSelector("#detail svg.plot");
    assert.ok((await page.locator("#detail svg.plot text").count()) < 30);
    clean();
  });

  test("the open cascade shows the last record of a burst, and the newest after a pause", async () => {
    await page.fill("input[name=q]", "2/c5");
    await says(() => document.querySelectorAll("#board tbody tr").length === 1);
    assert.match(await page.locator("#board").getAttribute("aria-label"), /by predicted/);
    await page.click("#board tbody a");
    await page.waitForSelector("#detail svg.plot");
    for (let i = 1; i <= 6; i++) {
      send(alert("c5", 30_000 + i, "", 1500 + i));
      await page.waitForTimeout(150);
    }
    await says(() => document.querySelector("#detail dd").textContent.includes("30,006"));
    await page.click("#tools >> text=Pause");
    const state = await page.locator("#state").textContent();
    send(alert("c5", 31_000, "", 1600));
    await page.waitForTimeout(700);
    await page.setViewportSize({ width: 1200, height: 800 });
    await page.waitForTimeout(300);
    assert.match(await page.locator("#detail dd").first().textContent(), /30,006/);
    assert.equal(await page.locator("#state").textContent(), state, "the counts are those of the rows");
    await page.click("#tools >> text=Pause");
    await says(() => document.querySelector("#detail dd").textContent.includes("31,000"));
    clean();
  });

  test("keeps the open cascade and reports where the server does not answer or hold another", async () => {
    await page.click("#board tbody a >> nth=0");
    await page.waitForSelector("#detail svg.plot");
    const title = await page.locator("#detail h2").textContent();
    await page.route("**/cascade.json**", (route) => route.abort());
    await page.click("#board tbody a >> nth=1");
    await page.waitForSelector("text=The server does not answer");
    assert.equal(await page.locator("#detail h2").textContent(), title);
    await page.unroute("**/cascade.json**");
    await visit({}, "#source=2&cid=nobody");
    await page.waitForSelector("text=The server does not hold this cascade");
    assert.ok(await page.locator("#detail").isHidden());
  });

  test("the table beside an open cascade can be scrolled, and the focus stays in the table", async () => {
    await page.setViewportSize({ width: 1110, height: 800 });
    await page.locator("#board tbody a >> nth=2").focus();
    // Hides the row of the focus, as an event of the stream does.
    await page.evaluate(() => {
      const search = document.querySelector("input[name=q]");
      search.value = "2/c5";
      search.dispatchEvent(new Event("input", { bubbles: true }));
    });
    await says(() => document.querySelectorAll("#board tbody tr").length === 1);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "A");
    await page.locator("#board tbody a >> nth=0").click();
    await page.waitForSelector("#detail svg.plot");
    const scrolls = await page.locator(".scroll").evaluate((it) => getComputedStyle(it).overflowX);
    assert.equal(scrolls, "auto");
  });

  test("works without script", async () => {
    const attack = encodeURIComponent(HOSTILE[2]);
    await visit({ javaScriptEnabled: false }, `?q=${attack}`);
    assert.equal(await page.locator("input[name=q]").getAttribute("value"), HOSTILE[2]);
    assert.deepEqual(await texts(), [HOSTILE[2]]);
    await page.fill("input[name=q]", "number 9");
    await page.click("text=Show");
    assert.deepEqual(await texts(), ["cascade number 9"]);
    await page.click("#board tbody a");
    assert.match(await page.locator("main").textContent(), /Predicted 20,000[^]*expected at/);
    assert.ok((await page.locator("main td").count()) > 20);
    await page.click("text=All cascades");
    await page.goto(`${address}cascade?source=2&cid=nobody`);
    assert.match(await page.content(), /no such page/);
    clean2(trouble);
  });
  // The browser itself says that a page was not found.
  const clean2 = (said) => assert.deepEqual(said.filter((it) => !it.includes("404")), []);
});
