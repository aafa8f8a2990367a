// Writes docs/metrics.md from the catalogue. A test fails when the file is stale.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CATALOGUE, type MetricFamily } from "../src/metrics/catalogue.ts";
import { CLAIMED_VERSION, visibility } from "../src/metrics/version-gate.ts";

export const METRICS_DOCS = join(import.meta.dir, "..", "docs", "metrics.md");

const INTRODUCTION = `# Metrics

\`GET /metrics\` prints these families in Prometheus' text format, to the letter of Python's client: counters end in \`_total\`, and each
counter and histogram has a \`_created\` gauge beside it (off with \`PROMETHEUS_DISABLE_CREATED_SERIES=true\`). Every series has the labels
\`model_name\` (the first served name) and \`engine\` ("0"); all series exist at 0 from the start. The surface is vLLM ${CLAIMED_VERSION}'s;
families that later versions added are there too. Choices of ours:

- \`request_success{finished_reason="abort"}\` counts clients that leave, as the newest dashboards describe it.
- \`prefix_cache_*\` count once, when a request is first admitted; a sequence of n > 1 that shares its source's prompt counts as a hit of
  all but its last token.
- With n > 1 \`prompt_tokens\` counts the prompt for each of the n sequences, as vLLM does; the \`usage\` of an answer counts it once.
- \`vllm:cache_config_info\` and the six \`process_*\` families of Python's client are printed as well.

This file is generated: \`bun scripts/generate-metrics-docs.ts\`.

| family | type | labels | since | meaning |
|---|---|---|---|---|
`;

function row(family: MetricFamily): string {
  const label = family.label ? `${family.label.name}: ${family.label.values.join(", ")}` : "";
  const state = visibility(family, CLAIMED_VERSION);
  const hidden =
    state === "hidden" ? " Hidden; shown with `--show-hidden-metrics-for-version=0.12`." : "";
  return `| \`${family.name}\` | ${family.type} | ${label} | ${family.since} | ${family.help}${hidden} |`;
}

export function metricsDocs(): string {
  return `${INTRODUCTION}${CATALOGUE.map(row).join("\n")}\n`;
}

if (import.meta.main) writeFileSync(METRICS_DOCS, metricsDocs());
