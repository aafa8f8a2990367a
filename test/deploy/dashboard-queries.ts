// Every query in the dashboards published for vLLM, panel by panel, with the feature that it needs if Pagoda
// does not have it. This file has the older dashboards; the newest ones are in separate files next to it.

import { newestDashboards } from "./newest-dashboards.ts";
import { newestKvDashboards } from "./newest-kv-dashboards.ts";
import { type DashboardQuery, panel, shortForms } from "./promql.ts";

/** Every query in the official dashboards. */
export function officialQueries(): DashboardQuery[] {
  return [
    ...grafanaDashboard(),
    ...performanceStatistics(),
    ...performanceStatisticsPerses(),
    ...queryStatistics(),
    ...queryStatisticsPerses(),
    ...newestDashboards(),
    ...newestKvDashboards(),
  ];
}

/** Queries for the dashboards' variables, as the labels whose values are requested. */
export const VARIABLES: readonly { readonly label: string; readonly selector: string | null }[] = [
  { label: "model_name", selector: null },
  { label: "model_name", selector: "vllm:generation_tokens_total" },
  { label: "model_name", selector: "vllm:request_success_total" },
  { label: "job", selector: "vllm:num_requests_running" },
  { label: "model_name", selector: 'vllm:num_requests_running{job=~"$job"}' },
  {
    label: "instance",
    selector: 'vllm:num_requests_running{job=~"$job", model_name=~"$model_name"}',
  },
  {
    label: "engine",
    selector:
      'vllm:num_requests_running{job=~"$job", model_name=~"$model_name", instance=~"$instance"}',
  },
];

const LATENCIES = [
  "e2e_request_latency_seconds",
  "time_to_first_token_seconds",
  "inter_token_latency_seconds",
];

function grafanaDashboard(): DashboardQuery[] {
  const of = (title: string, exprs: string | string[]) => panel("vLLM", title, exprs);
  const { series, quantile } = shortForms('model_name="$model_name"');
  const rate = (metric: string) => `rate(${series(metric)}[$__rate_interval])`;
  const latency = (histogram: string) => [
    ...[0.99, 0.95, 0.9, 0.5].map((q) => quantile(q, histogram)),
    `${rate(`${histogram}_sum`)} / ${rate(`${histogram}_count`)}`,
  ];
  const heatmap = (histogram: string) =>
    `sum by(le) (increase(${series(`${histogram}_bucket`)}[$__rate_interval]))`;
  return [
    ...of("E2E Request Latency", latency("e2e_request_latency_seconds")),
    ...of("Token Throughput", [rate("prompt_tokens_total"), rate("generation_tokens_total")]),
    ...of("Inter Token Latency", latency("inter_token_latency_seconds")),
    ...of("Scheduler State", [series("num_requests_running"), series("num_requests_waiting")]),
    ...of("Time To First Token Latency", latency("time_to_first_token_seconds")),
    ...of("Cache Utilization", series("kv_cache_usage_perc")),
    ...of("Request Prompt Length", heatmap("request_prompt_tokens")),
    ...of("Request Generation Length", heatmap("request_generation_tokens")),
    ...of(
      "Finish Reason",
      `sum by(finished_reason) (increase(${series("request_success_total")}[$__rate_interval]))`,
    ),
    ...of("Queue Time", rate("request_queue_time_seconds_sum")),
    ...of("Requests Prefill and Decode Time", [
      rate("request_prefill_time_seconds_sum"),
      rate("request_decode_time_seconds_sum"),
    ]),
    ...of("Max Generation Token in Sequence Group", rate("request_max_num_generation_tokens_sum")),
  ];
}

const TOKEN_COUNTERS = [
  "generation_tokens_total",
  "prompt_tokens_total",
  "iteration_tokens_total_count",
];

function performanceStatistics(): DashboardQuery[] {
  const of = (title: string, exprs: string | string[]) =>
    panel("Performance Statistics", title, exprs);
  const quantile = (q: number, histogram: string, range: string) =>
    `histogram_quantile(${q}, sum by(le) (rate(vllm:${histogram}_bucket[${range}])))`;
  const quantiles = (histogram: string, range: string) =>
    [0.5, 0.9, 0.99].map((q) => quantile(q, histogram, range));
  return [
    ...LATENCIES.flatMap((h) => [
      ...of(
        `${h} over time`,
        `rate(vllm:${h}_sum[$__interval]) / rate(vllm:${h}_count[$__interval])`,
      ),
      ...of(`${h} quantiles`, quantiles(h, "$__range")),
      ...of(
        `${h} average`,
        `(sum(increase(vllm:${h}_sum[$__range])) / sum(increase(vllm:${h}_count[$__range])))`,
      ),
    ]),
    ...of("ITL over time", quantiles("inter_token_latency_seconds", "$__interval")),
    ...of(
      "TPS",
      TOKEN_COUNTERS.map((metric) => `rate(vllm:${metric}[$__interval])`),
    ),
  ];
}

function performanceStatisticsPerses(): DashboardQuery[] {
  const of = (title: string, exprs: string | string[]) =>
    panel("Performance Statistics (Perses)", title, exprs);
  const selector = 'model_name=~"$Deployment_id"';
  const { series, quantile, rate } = shortForms(selector, "$__interval");
  const gauges = ["num_requests_running", "num_requests_waiting"];
  return [
    ...LATENCIES.flatMap((h) =>
      of(h, [
        `${rate(`${h}_sum`, "model_name")} / ${rate(`${h}_count`, "model_name")}`,
        ...[0.5, 0.9, 0.99].map((q) => quantile(q, h, "model_name")),
      ]),
    ),
    ...of(
      "TPS",
      TOKEN_COUNTERS.map((metric) => rate(metric, "model_name")),
    ),
    ...of("KV cache", `100 * avg(${series("kv_cache_usage_perc")})`),
    ...of(
      "Requests",
      gauges.flatMap((gauge) => [`sum by (pod) (${series(gauge)})`, `sum(${series(gauge)})`]),
    ),
  ];
}

function queryStatistics(): DashboardQuery[] {
  const of = (title: string, exprs: string | string[]) => panel("Query Statistics", title, exprs);
  const { rate, quantile } = shortForms('model_name=~"$Deployment_id"');
  const both = (metric: string) => [rate(metric, "model_name"), rate(metric)];
  const quantiles = (h: string) => [0.5, 0.9, 0.99].map((q) => quantile(q, h, "model_name"));
  return [
    ...of("Requests", both("request_success_total")),
    ...of("Latency", quantiles("e2e_request_latency_seconds")),
    ...of("Input length", rate("request_prompt_tokens_bucket", "le, model_name")),
    ...of("Input length quantiles", quantiles("request_prompt_tokens")),
    ...of("Average input", `${rate("prompt_tokens_total")} / ${rate("request_success_total")}`),
    ...of("Input tokens", both("prompt_tokens_total")),
    ...of("Output tokens", both("generation_tokens_total")),
  ];
}

function queryStatisticsPerses(): DashboardQuery[] {
  const of = (title: string, exprs: string | string[]) =>
    panel("Query Statistics (Perses)", title, exprs);
  const { rate, series } = shortForms(
    'model_name=~"$Deployment_id",namespace="$NS",service="$SVC"',
  );
  const gauges = ["num_requests_running", "num_requests_waiting"];
  const usage = `avg(${series("kv_cache_usage_perc")})`;
  return [
    ...of(
      "Rates",
      ["request_success_total", "prompt_tokens_total", "generation_tokens_total"].flatMap(
        (metric) => [rate(metric, "model_name"), `${rate(metric)} or vector(0)`],
      ),
    ),
    ...of(
      "Requests",
      gauges.flatMap((gauge) =>
        ["", " by (service) ", " by (pod) "].map((by) => `sum${by}(${series(gauge)})`),
      ),
    ),
    ...of("KV cache", [usage, `${usage} * 100`]),
    ...of("Servers up", "count(up == 1)"),
  ];
}
