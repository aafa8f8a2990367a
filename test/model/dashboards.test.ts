// Dashboards with a running server: a real Prometheus scrapes it under load, and every query in the official
// dashboards, in Pagoda's dashboard, and in the rules must have data, except for features that Pagoda
// lacks.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { officialQueries, VARIABLES } from "../deploy/dashboard-queries.ts";
import { pagodaDashboard, pagodaQueries, recordedNames } from "../deploy/deploy-files.ts";
import { MixedLoad } from "../deploy/mixed-load.ts";
import { PrometheusServer, TARGET_LABELS } from "../deploy/prometheus-server.ts";
import { type DashboardQuery, substitute } from "../deploy/promql.ts";
import { sayIfMissing } from "../deploy/promtool.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";

const MODEL = "smol";
const IS_INSTALLED = Bun.which("prometheus") !== null;
sayIfMissing("prometheus");

/** Maximum duration of the load. */
const LOAD_TIMEOUT_MS = 60_000;
/** Number of concurrent queries to Prometheus. */
const NUM_TOGETHER = 16;

/** Options for a pool of 1,008 tokens, which is too small for four long completions at once. */
const OPTIONS = [
  ...["--served-model-name", MODEL, "--max-model-len", "512", "--num-gpu-blocks-override", "64"],
  ...["--kv-cache-metrics", "--kv-cache-metrics-sample", "1", "--enable-sleep-mode"],
  "--enable-lora",
  ...["--speculative-config.method", "ngram", "--speculative-config.num_speculative_tokens", "3"],
  ...["--speculative-config.prompt_lookup_min", "1"],
];

const RECORDED: readonly DashboardQuery[] = recordedNames().map((expr) => ({
  dashboard: "Rules",
  panel: "recorded",
  expr,
  needs: null,
}));

/** Conditions that the load must reach, so queries do not have data by chance. */
const LOAD: readonly DashboardQuery[] = [
  "sum(vllm:num_preemptions_total) > 0",
  "sum(vllm:kv_block_reuse_gap_seconds_count) > 0",
  "sum(vllm:request_params_n_sum) > sum(vllm:request_params_n_count)",
  "sum(vllm:prefix_cache_hits_total) > 0",
  'sum(vllm:request_success_total{finished_reason="abort"}) > 0',
  'sum(vllm:request_success_total{finished_reason="stop"}) > 0',
  'sum(vllm:request_success_total{finished_reason="length"}) > 0',
  'sum(http_requests_total{status="4xx"}) > 0',
].map((expr) => ({ dashboard: "Load", panel: "made", expr, needs: null }));

/** Queries without data, with the feature that each needs. */
const WITHOUT_DATA = [
  "Overview / Cache hit rates: KV connector",
  "Overview / Cache hit rates: multimodal input",
  "Instances / Estimated work: MFU estimates",
  "KV Cache / Cache hit rates: KV connector",
  "KV Cache / Cache hit rates: multimodal input",
  "KV Cache / External hit rate: KV connector",
  "KV Cache / Fetches by stage: KV connector",
  "KV Cache / NIXL xfer_time_seconds: NIXL",
  "KV Cache / NIXL bytes_transferred: NIXL",
  "KV Cache / NIXL post_time_seconds: NIXL",
  "KV Cache / NIXL num_descriptors: NIXL",
  "KV Cache / NIXL throughput: NIXL",
  "KV Cache / NIXL failures: NIXL",
  "KV Cache / Offloaded bytes: KV offload",
  "KV Cache / Offload bandwidth: KV offload",
  "KV Cache / Offload size: KV offload",
  "KV Cache / Lookup delay: KV offload",
  "KV Cache / CPU cache usage: KV offload",
  "KV Cache / Offload failures: KV offload",
  "KV Cache / Simple offload: KV offload",
];

const post = (url: string) => fetch(url, { method: "POST" });

/** Sends the engine to sleep and wakes it up. A request sent in the meantime must succeed afterward. */
async function sleepOnce(url: string): Promise<void> {
  expect((await post(`${url}/sleep?level=1`)).status).toBe(200);
  const waiting = fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "Good morning", max_tokens: 1 }),
  });
  expect((await post(`${url}/wake_up`)).status).toBe(200);
  expect((await waiting).status).toBe(200);
}

/** Repeats each query until it has data or the load is over. @returns queries that never had data */
async function unanswered(
  prometheus: PrometheusServer,
  queries: readonly DashboardQuery[],
  values: Readonly<Record<string, string>>,
  isOver: () => boolean,
): Promise<DashboardQuery[]> {
  const hasData = async ({ expr }: DashboardQuery) =>
    (await prometheus.query(substitute(expr, values))).some(({ value }) => Number.isFinite(value));
  let left = [...queries];
  do {
    const still: DashboardQuery[] = [];
    for (let i = 0; i < left.length; i += NUM_TOGETHER) {
      const group = left.slice(i, i + NUM_TOGETHER);
      const found = await Promise.all(group.map(hasData));
      still.push(...group.filter((_, j) => !found[j]));
    }
    left = still;
    await Bun.sleep(250); // lets Prometheus scrape again
  } while (left.some(({ needs }) => needs === null) && !isOver());
  return left;
}

describe.skipIf(!IS_INSTALLED)("with Prometheus scraping the server under load", () => {
  let server: ServerProcess | undefined;
  let prometheus: PrometheusServer;
  let values: Record<string, string> = {};
  let left: DashboardQuery[] = [];

  beforeAll(async () => {
    server = await startServer(OPTIONS, { VLLM_SERVER_DEV_MODE: "1" });
    const instance = new URL(server.url).host;
    prometheus = new PrometheusServer(instance);
    values = {
      job: "pagoda",
      model_name: MODEL,
      instance,
      engine: "0",
      Deployment_id: MODEL,
      NS: TARGET_LABELS.namespace,
      SVC: TARGET_LABELS.service,
      __rate_interval: "15s",
      __interval: "15s",
      __range: "1m",
    };
    await prometheus.untilScraping();
    await sleepOnce(server.url);
    const deadlineMs = performance.now() + LOAD_TIMEOUT_MS;
    let isSatisfied = false;
    const isOver = () => isSatisfied || performance.now() > deadlineMs;
    const load = new MixedLoad(server.url, MODEL, isOver).run();
    const queries = [...officialQueries(), ...pagodaQueries(), ...RECORDED, ...LOAD];
    left = await unanswered(prometheus, queries, values, isOver);
    isSatisfied = true;
    await load;
  }, 150_000);

  afterAll(async () => {
    server?.process.kill("SIGKILL");
    await prometheus?.stop();
  });

  test("every query has data, except for missing features", () => {
    const lines = left.map(
      ({ dashboard, panel, needs }) => `${dashboard} / ${panel}: ${needs ?? "no reason"}`,
    );
    const listed = [...new Set(lines)];
    console.log(`queries without data:\n  ${listed.join("\n  ")}`);
    const unexplained = left.filter(({ needs }) => needs === null);
    expect(unexplained.map(({ panel, expr }) => `${panel}: ${expr}`)).toEqual([]);
    expect(listed).toEqual(WITHOUT_DATA);
    const starved = officialQueries().filter(({ needs }) => needs !== null);
    expect(left.length).toBe(starved.length);
  });

  test("every dashboard variable offers the value from the server", async () => {
    const own = pagodaDashboard().templating.list.flatMap(({ definition = "" }) => {
      const match = /^label_values\((.*), (\w+)\)$/.exec(definition);
      return match === null ? [] : [{ selector: match[1] ?? "", label: match[2] ?? "" }];
    });
    expect(own.length).toBe(3);
    for (const { label, selector } of [...VARIABLES, ...own]) {
      const matched = selector === null ? null : substitute(selector, values);
      expect(await prometheus.labelValues(label, matched)).toEqual([values[label] ?? ""]);
    }
  });

  test("every rule is evaluated without an error", async () => {
    expect(await prometheus.unhealthyRules()).toEqual([]);
  });
});
