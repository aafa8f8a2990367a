// The exposition against what a Python client prints, and the acceptance arithmetic of the recorder.

import { describe, expect, test } from "bun:test";
import type { EngineInfo } from "../../src/engine/protocol.ts";
import type { IterationStats, SchedulerStats } from "../../src/engine/stats.ts";
import { CATALOGUE, tokenBuckets } from "../../src/metrics/catalogue.ts";
import { expositionText } from "../../src/metrics/exposition.ts";
import { Metrics, type MetricsOptions } from "../../src/metrics/metrics.ts";
import { formatNumber } from "../../src/metrics/number-format.ts";
import { checkVersion, visibility, visibleFamilies } from "../../src/metrics/version-gate.ts";
import { FakeModelRunner } from "../support/fake-model-runner.ts";

const runner = new FakeModelRunner({ numBlocks: 65, blockSize: 16 });

const INFO: EngineInfo = {
  model: runner.info,
  memory: runner.memory(),
  maxModelLen: 1024,
  maxNumSeqs: 16,
  maxNumBatchedTokens: 512,
  blockSize: 16,
  numBlocks: 65,
  enablePrefixCaching: true,
  kvCacheType: "f16",
  kvCacheMemoryBytes: null,
  numBlocksOverride: 65,
};

const IDLE: SchedulerStats = {
  numRunningReqs: 0,
  numWaitingReqs: 0,
  numDeferredReqs: 0,
  kvCacheUsage: 0,
  prefixCache: { requests: 0, queries: 0, hits: 0 },
  numPreemptedReqs: 0,
  numScheduledTokens: 0,
  forwardMs: 0,
  samplingMs: 0,
};

const NOTHING: IterationStats = {
  timeToFirstTokensS: [],
  interTokenLatenciesS: [],
  numPromptTokens: 0,
  numCachedPromptTokens: 0,
  numGenerationTokens: 0,
  numPreemptions: 0,
  hasTokens: false,
  finished: [],
  finishedParents: [],
};

function makeMetrics(options: Partial<MetricsOptions> = {}): Metrics {
  return new Metrics({
    info: INFO,
    modelName: "tiny",
    showHiddenFor: null,
    createdSeries: false,
    logStats: true,
    processStats: () => null,
    nowS: 1_700_000_000.5,
    ...options,
  });
}

const value = (text: string, series: string) =>
  Number(
    text
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.split(" ")[1],
  );

describe("formatNumber", () => {
  test.each([
    [0, "0.0"],
    [5, "5.0"],
    [0.5, "0.5"],
    [0.0001, "0.0001"],
    [8.34e-5, "8.34e-05"],
    [1e-5, "1e-05"],
    [999_999, "999999.0"],
    [1e6, "1e+06"],
    [2_097_152, "2.097152e+06"],
    [1_795_531_288.8, "1.7955312888e+09"],
    [1e10, "1e+10"],
    [1e16, "1e+16"],
    [1.5e300, "1.5e+300"],
    [-2_000_000, "-2000000.0"],
    [123_456.789, "123456.789"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NaN, "NaN"],
  ])("%p prints %p", (number, text) => {
    expect(formatNumber(number)).toBe(text);
  });
});

describe("exposition", () => {
  test("escapes help and labels, sorts labels, ends in a newline", () => {
    const family = {
      name: "x",
      type: "gauge" as const,
      help: "a\nb\\c",
      createdS: null,
      samples: [{ labels: { z: 'q"\n', a: "\\" }, value: 1 }],
      histograms: [],
    };
    expect(expositionText([family], true)).toBe(
      '# HELP x a\\nb\\\\c\n# TYPE x gauge\nx{a="\\\\",z="q\\"\\n"} 1.0\n',
    );
  });

  test("an idle engine shows every known series at 0", async () => {
    const text = await makeMetrics().text();
    expect(text).toContain(
      "# HELP vllm:num_requests_running Number of requests in model execution batches.\n" +
        "# TYPE vllm:num_requests_running gauge\n" +
        'vllm:num_requests_running{engine="0",model_name="tiny"} 0.0\n',
    );
    for (const reason of ["stop", "length", "abort", "error"]) {
      expect(text).toContain(
        `vllm:request_success_total{engine="0",finished_reason="${reason}",model_name="tiny"} 0.0\n`,
      );
    }
    expect(text).toContain('le="+Inf",model_name="tiny"} 0.0\nvllm:iteration_tokens_total_count{');
    expect(text).toContain(
      'vllm:time_to_first_token_seconds_bucket{engine="0",le="1.0",model_name="tiny"} 0.0\n',
    );
    expect(text).not.toContain("_created");
  });

  test("prints creation times after each counter and histogram", async () => {
    const text = await makeMetrics({ createdSeries: true }).text();
    expect(text).toContain(
      "# TYPE vllm:prompt_tokens_created gauge\n" +
        'vllm:prompt_tokens_created{engine="0",model_name="tiny"} 1.7000000005e+09\n',
    );
  });

  test("describes the cache in Python's spelling", async () => {
    expect(await makeMetrics().text()).toContain(
      'vllm:cache_config_info{block_size="16",cache_dtype="f16",enable_prefix_caching="True",' +
        'engine="0",is_attention_free="False",kv_cache_memory_bytes="None",' +
        'kv_cache_size_tokens="1024",num_cpu_blocks="None",num_gpu_blocks="65",' +
        'num_gpu_blocks_override="65",prefix_caching_hash_algo="sha256_cbor",' +
        'sliding_window="None"} 1.0\n',
    );
  });

  test("without stats only the process families remain", async () => {
    const text = await makeMetrics({
      logStats: false,
      processStats: () => ({
        virtualMemoryBytes: 2e6,
        residentMemoryBytes: 1e6,
        startTimeS: 1,
        cpuSeconds: 18.43,
        openFds: 5,
        maxFds: 1024,
      }),
    }).text();
    expect(text).not.toContain("vllm:");
    expect(text).toContain(
      "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 18.43\n",
    );
  });
});

describe("recording", () => {
  test("R sequential requests of P and M tokens give exactly the documented numbers", async () => {
    const metrics = makeMetrics();
    const [numRequests, P, M] = [3, 7, 5];
    for (let r = 0; r < numRequests; r++) {
      for (let token = 0; token < M; token++) {
        const isFirst = token === 0;
        metrics.record(IDLE, {
          ...NOTHING,
          timeToFirstTokensS: isFirst ? [0.02] : [],
          interTokenLatenciesS: isFirst ? [] : [0.01],
          numPromptTokens: isFirst ? P : 0,
          numGenerationTokens: 1,
          hasTokens: true,
          finished: token === M - 1 ? [finished(P, M)] : [],
          finishedParents: token === M - 1 ? [{ n: 1, maxNumGenerationTokens: M }] : [],
        });
      }
    }
    const text = await metrics.text();
    const series = (name: string) => value(text, `vllm:${name}{engine="0",model_name="tiny"}`);
    expect(series("prompt_tokens_total")).toBe(numRequests * P);
    expect(series("generation_tokens_total")).toBe(numRequests * M);
    expect(series("time_to_first_token_seconds_count")).toBe(numRequests);
    expect(series("inter_token_latency_seconds_count")).toBe(numRequests * (M - 1));
    expect(series("iteration_tokens_total_count")).toBe(numRequests * M);
    expect(series("iteration_tokens_total_sum")).toBe(numRequests * (P + M));
    expect(series("request_prompt_tokens_sum")).toBe(numRequests * P);
    expect(series("request_params_n_sum")).toBe(numRequests);
    expect(series("request_params_max_tokens_sum")).toBe(numRequests * 16);
    for (const name of ["e2e_request_latency", "request_queue_time", "request_decode_time"]) {
      expect(series(`${name}_seconds_count`)).toBe(numRequests);
    }
  });

  test("gauges are set, also by a message without outputs", async () => {
    const metrics = makeMetrics();
    metrics.record({ ...IDLE, numRunningReqs: 2, numWaitingReqs: 3, numDeferredReqs: 1 }, null);
    const text = await metrics.text();
    expect(text).toContain('vllm:num_requests_waiting{engine="0",model_name="tiny"} 3.0');
    expect(text).toContain('reason="capacity"} 2.0');
    expect(text).toContain('reason="deferred"} 1.0');
    metrics.record(IDLE, null);
    expect(await metrics.text()).toContain('running{engine="0",model_name="tiny"} 0.0');
  });

  test("a falling counter is a broken invariant", () => {
    const stats = { ...NOTHING, numGenerationTokens: -1 };
    expect(() => makeMetrics().record(IDLE, stats)).toThrow("a counter cannot fall");
  });
});

describe("catalogue", () => {
  test("token buckets go 1, 2, 5, 10 up to the model's length", () => {
    expect(tokenBuckets(2048)).toEqual([1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]);
    expect(tokenBuckets(131_072).length).toBe(16);
  });

  test("names are unique", () => {
    expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length);
  });
});

describe("version gate", () => {
  test.each([
    ["0.10.0", "shown"],
    ["0.11.0", "shown"],
    ["0.12.0", "hidden"],
    ["0.13.0", "hidden"],
    ["0.14.0", "hidden"],
    ["0.15.0", "removed"],
  ] as const)("a family deprecated in 0.11 is at %s %s", (version, expected) => {
    expect(visibility({ deprecatedIn: "0.11" }, version)).toBe(expected);
  });

  test("shows hidden families for exactly the previous minor version", () => {
    const hidden = "vllm:time_per_output_token_seconds";
    const names = (flag: string | null) => visibleFamilies(CATALOGUE, flag).map(({ name }) => name);
    expect(names("0.12")).toContain(hidden);
    for (const flag of [null, "0.11", "0.12.0", "0.13"]) expect(names(flag)).not.toContain(hidden);
  });

  test("refuses what is no version, in vLLM's words", () => {
    expect(checkVersion("0.12")).toBe("0.12");
    expect(() => checkVersion("foo")).toThrow("Value error, Invalid version: 'foo'");
  });
});

function finished(numPromptTokens: number, numGenerationTokens: number) {
  return {
    finishReason: "length" as const,
    numPromptTokens,
    numGenerationTokens,
    numCachedTokens: 0,
    maxTokensParam: 16,
    e2eLatencyS: 0.1,
    queuedTimeS: 0.01,
    prefillTimeS: 0.02,
    decodeTimeS: 0.04,
    inferenceTimeS: 0.06,
    timePerOutputTokenS: 0.01,
    isCorrupted: false,
  };
}
