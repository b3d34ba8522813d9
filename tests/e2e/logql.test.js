// The queries of the logs dashboard are LogQL.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

let parser = null;
try { ({ parser } = await import("@grafana/lezer-logql")); } catch { /* said below */ }
if (!parser && process.env.CI) throw new Error("missing in CI: npm ci in tests/e2e");

// The text at the first place that is no LogQL.
function fault(query) {
  let found = null;
  parser.parse(query).iterate({ enter: (node) => { if (node.type.isError) found ??= `${node.from}: ${query.slice(node.from)}`; } });
  return found;
}

test("the logs dashboard asks in LogQL", { skip: parser ? false : "needs npm ci in tests/e2e" }, () => {
  const board = JSON.parse(readFileSync(new URL("../../deploy/grafana/dashboards/logs.json", import.meta.url)));
  const queries = board.panels.flatMap((panel) => panel.targets.map((target) => target.expr));
  assert.ok(queries.length >= 4);
  for (const query of queries) {
    const filled = query.replaceAll("$__auto", "5m").replaceAll(/\$(stage|level)/g, ".+").replaceAll("$search", "text");
    assert.ok(!filled.includes("$"), filled);
    assert.equal(fault(filled), null);
  }
  assert.notEqual(fault('{job="x"} | | json'), null, "the parser sees what is wrong");
});
