// Takes the picture of the dashboard page in the documentation: node screenshot.mjs URL FILE.png
// Run on request only; npm test does not run it.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, file] = process.argv.slice(2);
const browser = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "tweetoscope-picture-")), {
  executablePath: "/usr/bin/chromium",
  viewport: { width: 1000, height: 620 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage();
await page.goto(url);
await page.waitForSelector("table tbody tr");
await page.waitForTimeout(1500);
await page.screenshot({ path: file });
await browser.close();
