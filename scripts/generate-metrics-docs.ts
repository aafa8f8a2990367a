// Generates docs/metrics.md from the catalog. A test fails if the file is out of date.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ADAPTER_FAMILIES } from "../src/metrics/adapter-families.ts";
import { CACHE_CONFIG_FAMILY } from "../src/metrics/cache-config.ts";
import { ENGINE_PROCESS_FAMILIES } from "../src/metrics/engine-process-families.ts";
import {
  type BucketRule,
  helpText,
  type LabelRule,
  type MetricFamily,
} from "../src/metrics/family.ts";
import { HTTP_FAMILIES } from "../src/metrics/http-families.ts";
import { LATENCY_FAMILIES } from "../src/metrics/latency-families.ts";
import { PROCESS_FAMILIES } from "../src/metrics/process-families.ts";
import { RESIDENCY_FAMILIES } from "../src/metrics/residency-families.ts";
import { CACHE_FAMILIES, SCHEDULER_FAMILIES } from "../src/metrics/scheduler-families.ts";
import { SLEEP_OPERATION_FAMILIES, SLEEP_STATE_FAMILY } from "../src/metrics/sleep-families.ts";
import { SPEC_DECODE_FAMILIES } from "../src/metrics/spec-decode-families.ts";
import {
  PREEMPTION_FAMILIES,
  REQUEST_FAMILIES,
  TOKEN_FAMILIES,
} from "../src/metrics/token-families.ts";
import { CLAIMED_VERSION, visibility } from "../src/metrics/version-gate.ts";
import { scriptArguments } from "./script-arguments.ts";

export const METRICS_DOCS = join(import.meta.dir, "..", "docs", "metrics.md");

export const SECTIONS: readonly (readonly [string, readonly MetricFamily[]])[] = [
  ["Queues", SCHEDULER_FAMILIES],
  ["KV cache and preemption", [...CACHE_FAMILIES, CACHE_CONFIG_FAMILY, ...PREEMPTION_FAMILIES]],
  ["Tokens and outcomes", TOKEN_FAMILIES],
  ["Latency", LATENCY_FAMILIES],
  ["Sizes of requests and steps", REQUEST_FAMILIES],
  ["Speculative decoding", SPEC_DECODE_FAMILIES],
  ["LoRA adapters", ADAPTER_FAMILIES],
  ["KV block residency", RESIDENCY_FAMILIES],
  ["Sleep", [SLEEP_STATE_FAMILY, ...SLEEP_OPERATION_FAMILIES]],
  ["HTTP", HTTP_FAMILIES],
  ["Engine process", ENGINE_PROCESS_FAMILIES],
  ["Process", PROCESS_FAMILIES],
];

const INTRODUCTION = `# Metrics

\`GET /metrics\` prints these families in Prometheus' text format, exactly as Python's client does: counters end in \`_total\`, and each
counter and histogram has a \`_created\` gauge (turned off by \`PROMETHEUS_DISABLE_CREATED_SERIES=true\`). \`GET /metrics/\` returns
OpenMetrics if the client accepts it. The engine's series have the labels \`model_name\` (the first served name) and \`engine\` ("0"), and
all of them exist with value 0 from the start. A scrape reads the latest values and never waits for the engine; an idle engine's gauges
keep their values. For scraping, plotting and alerting, see [monitoring.md](monitoring.md).

The metrics are those of vLLM ${CLAIMED_VERSION}, plus families that later versions added. A metric that vLLM deprecated in X.Y is hidden in
X.Y+1 and removed in X.Y+2; \`--show-hidden-metrics-for-version=X.Y\` shows metrics hidden since the previous version. Families for
features that are not supported yet (images and audio, KV connectors) are absent. Families that vLLM does not
have are named \`pagoda_...\`.

Pagoda's choices where vLLM's versions differ or do not specify the behavior:

- \`request_success{finished_reason="abort"}\` counts clients that disconnect, as the newest dashboards expect, and requests
  ended by sleep or shutdown.
- \`iteration_tokens_total\` counts whole prompts, including the cached part, as vLLM ${CLAIMED_VERSION} does.
- \`prefix_cache_*\` count once, when a request is first admitted. With n > 1, a sequence that shares the prompt counts as a hit for
  all but the prompt's last token.
- With n > 1, \`prompt_tokens\` counts the prompt for each of the n sequences, as vLLM does; the \`usage\` in the response counts it once.
- \`engine_sleep_state\` is \`awake\` after a wake-up with any tags, as in vLLM; \`/is_sleeping\` returns false only when everything has been restored.
- \`lora_requests_info\` lists adapters from a request's arrival on, with waiting and running adapters in separate lists, as vLLM did before
  0.12. Later versions put waiting and running adapters in both labels. Series with earlier lists are removed.
- Requests that are refused before they are queued (4xx, 503) appear only in \`http_requests_total\`.

This file is generated: \`bun scripts/generate-metrics-docs.ts\`.
`;

/** Condition under which a family is shown. */
const CONDITIONS: Readonly<Record<MetricFamily["enabledBy"], string>> = {
  always: "Shown even with `--disable-log-stats`.",
  "log-stats": "",
  "kv-cache-metrics": "Only with `--kv-cache-metrics`.",
  "sleep-mode": "Only with `--enable-sleep-mode`.",
  "spec-decode": "Only with `--speculative-config`.",
  lora: "Only with `--enable-lora`.",
};

function shape({ type, labels = [], buckets }: MetricFamily): string {
  const own = labels.map(({ name, values }) =>
    values === null ? name : `${name}: ${shownValues(values)}`,
  );
  return [type, own.join("; "), bounds(buckets)].filter((part) => part !== "").join("<br>");
}

function shownValues(values: LabelRule): string {
  return values === "draft-positions" ? "0, 1, ..." : values.join(", ");
}

function bounds(buckets: BucketRule | undefined): string {
  if (buckets === undefined) return "";
  if (buckets === "tokens") return "1, 2, 5, 10, ... to --max-model-len";
  return `${buckets.length} buckets, ${buckets[0]} to ${buckets.at(-1)}`;
}

function notes(family: MetricFamily): string {
  const isHidden = visibility(family, CLAIMED_VERSION) === "hidden";
  const hidden = isHidden ? "Hidden; shown with `--show-hidden-metrics-for-version=0.12`." : "";
  return [family.meaning, CONDITIONS[family.enabledBy], hidden].filter(Boolean).join(" ");
}

function row(family: MetricFamily): string {
  const cells = [
    `\`${family.name}\``,
    shape(family),
    family.since,
    notes(family),
    family.alert ?? "",
  ];
  return `| ${cells.join(" | ")} |`;
}

function section([title, families]: (typeof SECTIONS)[number]): string {
  const head =
    "| family | type, labels, buckets | since | meaning | alert or use |\n|---|---|---|---|---|";
  return `\n## ${title}\n\n${head}\n${families.map(row).join("\n")}\n`;
}

function helpSection(): string {
  const families = SECTIONS.flatMap(([, all]) => all);
  const lines = families.map((family) => `| \`${family.name}\` | ${helpText(family)} |`);
  return `\n## Help texts\n\n| family | HELP |\n|---|---|\n${lines.join("\n")}\n`;
}

export function metricsDocs(): string {
  return INTRODUCTION + SECTIONS.map(section).join("") + helpSection();
}

const USAGE = `bun scripts/generate-metrics-docs.ts
Generate docs/metrics.md from the catalog.`;

if (import.meta.main) {
  scriptArguments(USAGE, {});
  writeFileSync(METRICS_DOCS, metricsDocs());
}
