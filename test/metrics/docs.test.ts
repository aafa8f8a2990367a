// docs/metrics.md matches the text generated from the catalog.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { METRICS_DOCS, metricsDocs } from "../../scripts/generate-metrics-docs.ts";

test("docs/metrics.md is up to date (bun scripts/generate-metrics-docs.ts)", () => {
  expect(readFileSync(METRICS_DOCS, "utf8")).toBe(metricsDocs());
});
