// Effects of engine messages on the exposed numbers.

import { describe, expect, test } from "bun:test";
import { tokenBuckets } from "../../src/metrics/buckets.ts";
import { CATALOG } from "../../src/metrics/catalog.ts";
import { FINISHED, IDLE, makeMetrics, NOTHING, seriesValue } from "./fixtures.ts";

const LENGTHS = { numPromptTokens: 7, numGenerationTokens: 5 };

/** Observations of each per-request family after one finished request: [count, sum]. */
const PER_REQUEST: Readonly<Record<string, readonly [number, number]>> = {
  request_prompt_tokens: [1, 7],
  request_generation_tokens: [1, 5],
  request_params_max_tokens: [1, 16],
  request_time_per_output_token_seconds: [1, 0.5],
  e2e_request_latency_seconds: [1, 0.125],
  request_queue_time_seconds: [1, 0.25],
  request_prefill_time_seconds: [1, 0.5],
  request_decode_time_seconds: [1, 2],
  request_inference_time_seconds: [1, 2.5],
  request_prefill_kv_computed_tokens: [1, 7],
  request_num_preemptions: [1, 0],
};

describe("recording", () => {
  test("R sequential requests with P prompt and M output tokens yield exactly the documented numbers", async () => {
    const metrics = makeMetrics();
    const numRequests = 3;
    const { numPromptTokens: P, numGenerationTokens: M } = LENGTHS;
    for (let step = 0; step < numRequests * M; step++) {
      const isFirst = step % M === 0;
      const isLast = step % M === M - 1;
      metrics.record(IDLE, {
        ...NOTHING,
        timeToFirstTokensS: isFirst ? [0.02] : [],
        interTokenLatenciesS: isFirst ? [] : [0.01],
        numPromptTokens: isFirst ? P : 0,
        numGenerationTokens: 1,
        iterationTokens: [isFirst ? P + 1 : 1],
        finished: isLast ? [{ ...FINISHED, ...LENGTHS }] : [],
        finishedParents: isLast ? [{ n: 1, maxNumGenerationTokens: M }] : [],
      });
    }
    metrics.record(IDLE, null);
    const text = await metrics.text();
    const value = (name: string) => seriesValue(text, name);
    expect(value("prompt_tokens_total")).toBe(numRequests * P);
    expect(value("generation_tokens_total")).toBe(numRequests * M);
    expect(value("time_to_first_token_seconds_count")).toBe(numRequests);
    expect(value("inter_token_latency_seconds_count")).toBe(numRequests * (M - 1));
    expect(value("iteration_tokens_total_count")).toBe(numRequests * M);
    expect(value("iteration_tokens_total_sum")).toBe(numRequests * (P + M));
    expect(value("request_params_n_sum")).toBe(numRequests);
    expect(value("request_max_num_generation_tokens_sum")).toBe(numRequests * M);
    expect(seriesValue(text, "request_success_total", 'finished_reason="length"')).toBe(3);
    for (const [name, [count, sum]] of Object.entries(PER_REQUEST)) {
      expect([name, value(`${name}_count`)]).toEqual([name, numRequests * count]);
      expect([name, value(`${name}_sum`)]).toEqual([name, numRequests * sum]);
    }
    for (const gauge of ["num_requests_running", "num_requests_waiting"]) {
      expect(value(gauge)).toBe(0);
    }
  });

  test("a message without outputs changes only gauges and cache counters", async () => {
    const metrics = makeMetrics();
    const prefixCache = { requests: 1, queries: 40, hits: 32 };
    const step = { numRunningReqs: 2, numWaitingReqs: 3, numDeferredReqs: 1, kvCacheUsage: 0.25 };
    metrics.record({ ...IDLE, ...step, prefixCache }, null);
    const text = await metrics.text();
    const moved = text
      .split("\n")
      .filter((line) => /^vllm:(?!cache_config|engine_sleep).* (?!0\.0$)/.test(line))
      .map((line) => line.replace('engine="0",model_name="tiny"', ""));
    expect(moved).toEqual([
      "vllm:num_requests_running{} 2.0",
      "vllm:num_requests_waiting{} 3.0",
      'vllm:num_requests_waiting_by_reason{,reason="capacity"} 2.0',
      'vllm:num_requests_waiting_by_reason{,reason="deferred"} 1.0',
      "vllm:kv_cache_usage_perc{} 0.25",
      "vllm:prefix_cache_queries_total{} 40.0",
      "vllm:prefix_cache_hits_total{} 32.0",
    ]);
  });

  test("gauges show the last step's values; counters show the sum over all steps", async () => {
    const metrics = makeMetrics();
    const prefixCache = { requests: 1, queries: 10, hits: 0 };
    metrics.record({ ...IDLE, numRunningReqs: 5, prefixCache }, null);
    expect(seriesValue(await metrics.text(), "num_requests_running")).toBe(5);
    metrics.record({ ...IDLE, numRunningReqs: 1, prefixCache }, null);
    metrics.record({ ...IDLE, prefixCache }, null);
    const text = await metrics.text();
    expect(seriesValue(text, "num_requests_running")).toBe(0);
    expect(seriesValue(text, "prefix_cache_queries_total")).toBe(30);
  });

  test("prompt tokens by source add up to the prompt tokens", async () => {
    const metrics = makeMetrics();
    metrics.record(IDLE, { ...NOTHING, numPromptTokens: 50, numCachedPromptTokens: 32 });
    const text = await metrics.text();
    const source = (name: string) =>
      seriesValue(text, "prompt_tokens_by_source_total", `source="${name}"`);
    expect(seriesValue(text, "prompt_tokens_total")).toBe(50);
    expect(seriesValue(text, "prompt_tokens_cached_total")).toBe(32);
    expect(["local_compute", "local_cache_hit", "external_kv_transfer"].map(source)).toEqual([
      18, 32, 0,
    ]);
  });

  test("a step's size is its complete prompts plus new tokens; steps without tokens are not sampled", async () => {
    const metrics = makeMetrics();
    const tokens = { numPromptTokens: 50, numCachedPromptTokens: 32, numGenerationTokens: 2 };
    metrics.record(IDLE, { ...NOTHING, ...tokens, iterationTokens: [52] });
    metrics.record(IDLE, { ...NOTHING, finished: [{ ...FINISHED, finishReason: "abort" }] });
    const text = await metrics.text();
    expect(seriesValue(text, "iteration_tokens_total_count")).toBe(1);
    expect(seriesValue(text, "iteration_tokens_total_sum")).toBe(52);
    expect(seriesValue(text, "iteration_tokens_total_bucket", 'le="32.0"')).toBe(0);
    expect(seriesValue(text, "iteration_tokens_total_bucket", 'le="64.0"')).toBe(1);
  });

  test("each finish is counted by its reason; corruption and cached tokens count once per request", async () => {
    const metrics = makeMetrics();
    const finished = [
      { ...FINISHED, finishReason: "stop" as const, numCachedTokens: 4 },
      { ...FINISHED, finishReason: "stop" as const, isCorrupted: true },
      { ...FINISHED, finishReason: "abort" as const, maxTokensParam: 0 },
      { ...FINISHED, finishReason: "error" as const },
    ];
    metrics.record(IDLE, { ...NOTHING, finished, numPreemptions: 2 });
    const text = await metrics.text();
    const reason = (name: string) =>
      seriesValue(text, "request_success_total", `finished_reason="${name}"`);
    expect(["stop", "length", "abort", "error"].map(reason)).toEqual([2, 0, 1, 1]);
    expect(seriesValue(text, "corrupted_requests_total")).toBe(1);
    expect(seriesValue(text, "num_preemptions_total")).toBe(2);
    expect(seriesValue(text, "request_prefill_kv_computed_tokens_sum")).toBe(4 * 7 - 4);
    expect(seriesValue(text, "request_params_max_tokens_count")).toBe(3);
  });

  test("n sequences count as one sample of the request's parameters", async () => {
    const metrics = makeMetrics();
    metrics.record(IDLE, {
      ...NOTHING,
      finished: [FINISHED, FINISHED, FINISHED],
      finishedParents: [{ n: 3, maxNumGenerationTokens: 5 }],
    });
    const text = await metrics.text();
    expect(seriesValue(text, "request_params_n_count")).toBe(1);
    expect(seriesValue(text, "request_params_n_sum")).toBe(3);
    expect(seriesValue(text, "request_max_num_generation_tokens_count")).toBe(1);
    expect(seriesValue(text, "e2e_request_latency_seconds_count")).toBe(3);
  });

  test("a value equal to a bucket's bound counts in that bucket; a value above all bounds counts only in +Inf", async () => {
    const metrics = makeMetrics();
    metrics.record(IDLE, { ...NOTHING, timeToFirstTokensS: [0.001, 0.0011, 9999] });
    const text = await metrics.text();
    const bucket = (le: string) =>
      seriesValue(text, "time_to_first_token_seconds_bucket", `le="${le}"`);
    expect(["0.001", "0.005", "2560.0", "+Inf"].map(bucket)).toEqual([1, 2, 2, 3]);
  });

  test("asserts that counters do not decrease", () => {
    const stats = { ...NOTHING, numGenerationTokens: -1 };
    expect(() => makeMetrics().record(IDLE, stats)).toThrow("a counter cannot decrease");
  });

  test("a deprecated family has the same samples as its replacement", async () => {
    const metrics = makeMetrics({ showHiddenFor: "0.12" });
    metrics.record(IDLE, { ...NOTHING, interTokenLatenciesS: [0.25, 0.5] });
    const text = await metrics.text();
    for (const name of ["inter_token_latency_seconds", "time_per_output_token_seconds"]) {
      expect(seriesValue(text, `${name}_count`)).toBe(2);
      expect(seriesValue(text, `${name}_sum`)).toBe(0.75);
    }
  });
});

test("with stats off, only the process and HTTP families remain", async () => {
  const stats = {
    virtualMemoryBytes: 2e6,
    residentMemoryBytes: 1e6,
    startTimeS: 1,
    cpuSeconds: 18.43,
    openFds: 5,
    maxFds: 1024,
  };
  const metrics = makeMetrics({
    features: new Set(),
    processStats: () => stats,
    createdSeries: true,
  });
  metrics.record(IDLE, { ...NOTHING, numGenerationTokens: 1 });
  const text = await metrics.text();
  const http = text.indexOf("# HELP http_requests_total");
  expect(text).not.toContain("vllm:");
  expect(text.slice(0, http)).toBe(
    [
      "# HELP process_virtual_memory_bytes Virtual memory size in bytes.",
      "# TYPE process_virtual_memory_bytes gauge",
      "process_virtual_memory_bytes 2e+06",
      "# HELP process_resident_memory_bytes Resident memory size in bytes.",
      "# TYPE process_resident_memory_bytes gauge",
      "process_resident_memory_bytes 1e+06",
      "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds.",
      "# TYPE process_start_time_seconds gauge",
      "process_start_time_seconds 1.0",
      "# HELP process_cpu_seconds_total Total user and system CPU time spent in seconds.",
      "# TYPE process_cpu_seconds_total counter",
      "process_cpu_seconds_total 18.43",
      "# HELP process_open_fds Number of open file descriptors.",
      "# TYPE process_open_fds gauge",
      "process_open_fds 5.0",
      "# HELP process_max_fds Maximum number of open file descriptors.",
      "# TYPE process_max_fds gauge",
      "process_max_fds 1024.0",
      "",
    ].join("\n"),
  );
});

describe("catalog", () => {
  test("token buckets are 1, 2, 5, 10, ... up to the maximum model length", () => {
    expect(tokenBuckets(2048)).toEqual([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]);
    expect(tokenBuckets(2000).at(-1)).toBe(2000);
    expect(tokenBuckets(1)).toEqual([1]);
    expect(tokenBuckets(131_072).length).toBe(16);
  });

  test("names are unique", () => {
    expect(new Set(CATALOG.map(({ name }) => name)).size).toBe(CATALOG.length);
  });
});
