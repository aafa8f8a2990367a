// Queries in the newest dashboards published for vLLM: Service Status, Overview, Instances.

import { type DashboardQuery, ENGINE, MODEL, panel, shortForms, TARGET } from "./promql.ts";

export function newestDashboards(): DashboardQuery[] {
  return [
    ...serviceStatus(),
    ...overviewTiles(),
    ...overviewTable(),
    ...overviewGraphs(),
    ...overviewWorkload(),
    ...instancesTable(),
    ...instancesGraphs(),
    ...instancesInformation(),
  ];
}

const TTFT = "time_to_first_token_seconds";
const ITL = "inter_token_latency_seconds";
const TPOT = "request_time_per_output_token_seconds";
const E2E = "e2e_request_latency_seconds";
const QUEUE = "request_queue_time_seconds";

/** Queries in Service Status, each shown as a tile and as a graph. */
function serviceStatus(): DashboardQuery[] {
  const { series, rate, quantile } = shortForms(MODEL, "5m");
  const running = series("num_requests_running");
  const awake = series("engine_sleep_state", 'sleep_state="awake"');
  const errors = rate("request_success_total", "", 'finished_reason="error"');
  const finished = rate("request_success_total");
  const queries: [string, string][] = [
    ["State", `(2 - (max(${awake}) == bool 0)) or vector(0)`],
    ["Responsiveness", quantile(0.5, TTFT)],
    [
      "Speed of a request",
      `${rate("generation_tokens_total")} / (sum(avg_over_time(${running}[5m])) > 0)`,
    ],
    ["Success rate", `1 - (${errors} / (${finished} > 0))`],
    ["Requests a minute", `60 * ${finished}`],
  ];
  return queries.flatMap(([title, expr]) =>
    panel("Service Status", title, [expr, `${expr} and on () count(${running})`]),
  );
}

const overview = (title: string, exprs: string | readonly string[]) =>
  panel("Overview", title, exprs);

const { series, rate, ratio, mean, quantile, percentiles } = shortForms(MODEL);

const http = (metric: string, by = "", matcher = "") =>
  `sum${by === "" ? "" : ` by (${by}) `}(rate(${metric}{${TARGET}${matcher}}[$__rate_interval]))`;

/** Values of the dashboard's variables for the two SLOs, matched as text, so 1.0 differs from 1. */
const TTFT_SLOS = ["0.1", "0.25", "0.5", "0.75", "1.0", "2.5", "5.0", "10.0"];
const TPOT_SLOS = ["0.025", "0.05", "0.075", "0.1", "0.15", "0.2", "0.3", "0.5"];

function overviewTiles(): DashboardQuery[] {
  const failed = http("http_requests_total", "", ', status="5xx"');
  const within = (histogram: string, le: string) =>
    `${rate(`${histogram}_bucket`, "", `le="${le}"`)} / (${rate(`${histogram}_count`)} > 0)`;
  return [
    ...overview("Requests", rate("request_success_total")),
    ...overview("Tokens", [rate("prompt_tokens_total"), rate("generation_tokens_total")]),
    ...overview("HTTP errors", `(${failed} or vector(0)) / (${http("http_requests_total")} > 0)`),
    ...overview(
      "Latency p95",
      [TTFT, ITL, E2E].map((h) => quantile(0.95, h)),
    ),
    ...overview("Servers down", 'count(up{job=~"$job"} == 0) or vector(0)'),
    ...overview("Engines", `count(${series("num_requests_running")})`),
    ...overview("Running and waiting", [
      `sum(${series("num_requests_running")})`,
      `sum(${series("num_requests_waiting")})`,
    ]),
    ...overview("KV cache usage", `max(${series("kv_cache_usage_perc")})`),
    ...overview("Preemptions", rate("num_preemptions_total")),
    ...overview("Prefix hit rate", ratio("prefix_cache_hits_total", "prefix_cache_queries_total")),
    ...overview(
      "TTFT within SLO",
      TTFT_SLOS.map((le) => within(TTFT, le)),
    ),
    ...overview(
      "TPOT within SLO",
      TPOT_SLOS.map((le) => within(TPOT, le)),
    ),
  ];
}

function overviewTable(): DashboardQuery[] {
  const over = shortForms(MODEL, "$__range");
  const by = "model_name";
  const running = `last_over_time(${series("num_requests_running")}[$__range])`;
  const errors = over.rate("request_success_total", by, 'finished_reason="error"');
  const finished = over.rate("request_success_total", by);
  const preemptions = `increase(${series("num_preemptions_total")}[$__range])`;
  return overview("Models", [
    `count by (model_name) (group by (model_name, instance) (${running}))`,
    finished,
    over.rate("generation_tokens_total", by),
    ...[TTFT, ITL, E2E].map((h) => over.quantile(0.95, h, by)),
    `${errors} / (${finished} > 0)`,
    `max by (model_name) (max_over_time(${series("kv_cache_usage_perc")}[$__range]))`,
    `round(sum by (model_name) (${preemptions}))`,
  ]);
}

function overviewGraphs(): DashboardQuery[] {
  const usage = series("kv_cache_usage_perc");
  const waiting = (reason: string) =>
    `sum(${series("num_requests_waiting_by_reason", `reason="${reason}"`)})`;
  return [
    ...[TTFT, ITL, TPOT, E2E, QUEUE].flatMap((h) => overview(h, percentiles(h))),
    ...overview(
      "Phases",
      ["queue", "prefill", "decode"].map((phase) => mean(`request_${phase}_time_seconds`)),
    ),
    ...[TTFT, ITL, E2E].flatMap((h) => overview(`${h} heatmap`, rate(`${h}_bucket`, "le"))),
    ...overview("Throughput", [
      rate("prompt_tokens_total", "model_name"),
      rate("generation_tokens_total", "model_name"),
    ]),
    ...overview("Finished requests", rate("request_success_total", "finished_reason")),
    ...overview("Saturation", [
      `sum(${series("num_requests_running")})`,
      waiting("capacity"),
      waiting("deferred"),
    ]),
    ...overview("KV cache", [`max(${usage})`, `avg(${usage})`, `min(${usage})`]),
    ...overview("Preemptions over time", rate("num_preemptions_total")),
    ...overview("Tokens a step", [
      quantile(0.5, "iteration_tokens_total"),
      quantile(0.99, "iteration_tokens_total"),
      mean("iteration_tokens_total"),
    ]),
    ...cacheRatios("Overview", "Cache hit rates", MODEL),
    ...overview("Prompt tokens by source", promptTokensBySource(MODEL)),
  ];
}

/** The prefix cache's own hit rate has data; the other two caches belong to features that Pagoda lacks. */
export function cacheRatios(dashboard: string, title: string, selector: string): DashboardQuery[] {
  const of = (cache: string) =>
    shortForms(selector).ratio(`${cache}_hits_total`, `${cache}_queries_total`);
  return [
    ...panel(dashboard, title, of("prefix_cache")),
    ...panel(dashboard, title, of("external_prefix_cache"), "KV connector"),
    ...panel(dashboard, title, of("mm_cache"), "multimodal input"),
  ];
}

export function promptTokensBySource(selector: string): string[] {
  return ["local_compute", "local_cache_hit", "external_kv_transfer"].map((source) =>
    shortForms(selector).rate("prompt_tokens_by_source_total", "", `source="${source}"`),
  );
}

function overviewWorkload(): DashboardQuery[] {
  const finished = "request_success_total";
  const lengths = ["request_prompt_tokens", "request_generation_tokens"];
  const increase = (metric: string) => `increase(${series(metric)}[$__range])`;
  const share = (h: string) =>
    `sum by (le) (${increase(`${h}_bucket`)}) / on () group_left () (sum(${increase(`${h}_count`)}) > 0)`;
  const duration = "http_request_duration_seconds";
  return [
    ...lengths.flatMap((h) => overview(h, percentiles(h))),
    ...overview(
      "Share of finish reasons",
      `${rate(finished, "finished_reason")} / ignoring (finished_reason) group_left () (${rate(finished)} > 0)`,
    ),
    ...lengths.flatMap((h) => overview(`${h} distribution`, share(h))),
    ...overview("HTTP requests", [
      http("http_requests_total", "status"),
      http("http_requests_total", "handler"),
    ]),
    ...overview(
      "HTTP duration",
      `${http(`${duration}_sum`, "handler")} / (${http(`${duration}_count`, "handler")} > 0)`,
    ),
  ];
}

const instances = (title: string, exprs: string | readonly string[]) =>
  panel("Instances", title, exprs);

const ofEngine = shortForms(ENGINE);

function instancesTable(): DashboardQuery[] {
  const by = "model_name, instance";
  const over = shortForms(ENGINE, "5m");
  const running = over.series("num_requests_running");
  const uptime = `(time() - process_start_time_seconds{${TARGET}})`;
  return instances("Instances", [
    `count by (${by}) (${running})`,
    `sum by (${by}) (${running})`,
    `sum by (${by}) (${over.series("num_requests_waiting")})`,
    `max by (${by}) (${over.series("kv_cache_usage_perc")})`,
    ...["request_success_total", "generation_tokens_total", "num_preemptions_total"].map((metric) =>
      over.rate(metric, by),
    ),
    over.quantile(0.95, TTFT, by),
    over.quantile(0.95, ITL, by),
    `max by (${by}) (${uptime} * on (job, instance) group_left (model_name) ` +
      `group by (job, instance, model_name) (${running}))`,
  ]);
}

function instancesGraphs(): DashboardQuery[] {
  const by = "instance, engine";
  const waiting = ofEngine.series("num_requests_waiting_by_reason");
  const rates = [
    "prompt_tokens_total",
    "generation_tokens_total",
    "iteration_tokens_total_count",
    "num_preemptions_total",
  ];
  return [
    ...instances("Requests", [
      `sum by (${by}) (${ofEngine.series("num_requests_running")})`,
      `sum by (${by}) (${ofEngine.series("num_requests_waiting")})`,
      `sum by (${by}) (${waiting})`,
      `sum by (${by}, reason) (${waiting})`,
    ]),
    ...instances("KV cache", `max by (${by}) (${ofEngine.series("kv_cache_usage_perc")})`),
    ...instances(
      "Rates",
      rates.map((metric) => ofEngine.rate(metric, by)),
    ),
    ...instances("Tokens a step", ofEngine.mean("iteration_tokens_total", by)),
    ...instances(
      "Prefix hit rate",
      ofEngine.ratio("prefix_cache_hits_total", "prefix_cache_queries_total", by),
    ),
    ...instances("Finished requests", ofEngine.rate("request_success_total", "instance")),
    ...instances("Latency", [
      ...[TTFT, ITL, E2E].map((h) => ofEngine.quantile(0.95, h, "instance")),
      ofEngine.mean(QUEUE, "instance"),
    ]),
  ];
}

function instancesInformation(): DashboardQuery[] {
  const state = (name: string) =>
    `max by (instance, engine) (${ofEngine.series("engine_sleep_state", `sleep_state="${name}"`)})`;
  const operations = (of: (histogram: string) => string) =>
    ["sleep_mode", "rl_weight_update"]
      .map((kind) => of(`vllm:${kind}_operation_duration_seconds`))
      .join(" or ");
  const increase = (series: string) =>
    `sum by (operation) (increase(${series}{${TARGET}}[$__range]))`;
  const rateOf = (series: string, by = "operation") =>
    `sum by (${by}) (rate(${series}{${TARGET}}[$__range]))`;
  const estimated = (what: string) =>
    ofEngine.rate(`estimated_${what}_per_gpu_total`, "instance, engine");
  return [
    ...instances("Process", [
      `sum by (instance) (rate(process_cpu_seconds_total{${TARGET}}[$__rate_interval]))`,
      `sum by (instance) (process_resident_memory_bytes{${TARGET}})`,
      `sum by (instance) (process_open_fds{${TARGET}} / process_max_fds{${TARGET}})`,
    ]),
    ...instances("Cache configuration", `vllm:cache_config_info{${TARGET}, engine=~"$engine"}`),
    ...instances(
      "LoRA adapters",
      `topk by (job, instance) (1, vllm:lora_requests_info{${TARGET}})`,
    ),
    ...instances("Sleep state", `(1 - ${state("awake")}) * (1 + ${state("discard_all")})`),
    ...instances("Operations", [
      `round(${operations((h) => increase(`${h}_count`))})`,
      operations((h) => `${increase(`${h}_sum`)} / (${increase(`${h}_count`)} > 0)`),
      operations((h) => `histogram_quantile(0.99, ${rateOf(`${h}_bucket`, "le, operation")})`),
    ]),
    ...panel(
      "Instances",
      "Estimated work",
      [estimated("flops"), `${estimated("read_bytes")} + ${estimated("write_bytes")}`],
      "MFU estimates",
    ),
  ];
}
