// vLLM's metric definitions on hand-written timelines, with exact values.

import { describe, expect, test } from "bun:test";
import { servingResult } from "../../src/benchmark/serving-result.ts";
import {
  gapsOf,
  itlsMs,
  type RequestTimeline,
  tpotMs,
  ttftMs,
} from "../../src/benchmark/timeline.ts";

function timeline(startMs: number, atMs: number[], more: Partial<RequestTimeline> = {}) {
  return {
    startMs,
    events: atMs.map((at) => ({ atMs: at, choice: 0 })),
    numOutputTokens: atMs.length,
    numPromptTokens: 10,
    text: "",
    error: null,
    isCut: false,
    ...more,
  } satisfies RequestTimeline;
}

const steady = timeline(1000, [1100, 1120, 1140, 1160, 1180]);
const late = timeline(1000, [1300, 1340, 1380]);

describe("metrics of one request", () => {
  test("TTFT is the time to the first token; TPOT is the remaining time per later token", () => {
    expect([ttftMs(steady), tpotMs(steady), itlsMs(steady)]).toEqual([100, 20, [20, 20, 20, 20]]);
  });

  test("k tokens in one event count as one gap and k - 1 zeros", () => {
    const bundled = timeline(0, [100, 150], { numOutputTokens: 5 });
    expect(itlsMs(bundled)).toEqual([50, 0, 0, 0]);
    expect(tpotMs(bundled)).toBe(12.5);
  });

  test("gaps are computed separately for each of n sequences", () => {
    const events = [0, 1, 0, 1].map((choice, i) => ({ atMs: 100 + 10 * i, choice }));
    expect(gapsOf(timeline(0, [], { events, numOutputTokens: 4 }))).toEqual([
      { startMs: 100, endMs: 120 },
      { startMs: 110, endMs: 130 },
    ]);
  });

  test("a request with one token has a TTFT but no TPOT, and one without tokens has neither", () => {
    expect([ttftMs(timeline(0, [7])), tpotMs(timeline(0, [7]))]).toEqual([7, null]);
    expect([ttftMs(timeline(0, [])), tpotMs(timeline(0, []))]).toEqual([null, null]);
  });
});

describe("servingResult", () => {
  const result = servingResult([steady, late], 2, { ttft: 200, tpot: 30 });

  test("throughput", () => {
    expect(result.completed).toBe(2);
    expect(result.request_throughput).toBe(1);
    expect(result.output_throughput).toBe(4);
    expect(result.total_token_throughput).toBe(14);
    expect([result.total_input_tokens, result.total_output_tokens]).toEqual([20, 8]);
    expect(result.max_output_tokens_per_s).toBe(8);
  });

  test("latencies", () => {
    expect([result.mean_ttft_ms, result.median_ttft_ms, result.std_ttft_ms]).toEqual([
      200, 200, 100,
    ]);
    expect(result.p99_ttft_ms).toBeCloseTo(298, 9);
    expect([result.mean_tpot_ms, result.mean_e2el_ms]).toEqual([30, 280]);
    expect(result.median_itl_ms).toBe(20);
    expect(result.mean_itl_ms).toBeCloseTo(160 / 6, 9);
    expect(result.ttfts).toEqual([0.1, 0.3]);
  });

  test("goodput counts requests within all limits", () => {
    expect(result.request_goodput).toBe(0.5);
    expect(servingResult([steady, late], 2).request_goodput).toBeNull();
  });

  test("a failed request is counted only as failed", () => {
    const failed = servingResult([steady, timeline(0, [], { error: "HTTP 500: no" })], 1);
    expect([failed.completed, failed.failed, failed.total_output_tokens]).toEqual([1, 1, 5]);
    expect(failed.errors).toEqual(["HTTP 500: no"]);
  });

  test("a request that was cut off counts toward tokens but not toward E2E latency", () => {
    const cut = servingResult([{ ...steady, isCut: true }], 1);
    expect([cut.completed, cut.total_output_tokens, cut.mean_tpot_ms]).toEqual([0, 5, 20]);
    expect(cut.mean_e2el_ms).toBe(0);
  });

  test("has the keys of vLLM's result files", () => {
    const latency = ["ttft", "tpot", "itl", "e2el"].flatMap((metric) =>
      ["mean", "median", "std", "p99"].map((statistic) => `${statistic}_${metric}_ms`),
    );
    const others = ["duration", "completed", "total_input_tokens", "total_output_tokens"];
    const rates = ["request_throughput", "request_goodput", "output_throughput"];
    const keys = [...latency, ...others, ...rates, "total_token_throughput"];
    expect(Object.keys(result)).toEqual(expect.arrayContaining(keys));
  });

  test("is all zeros if there are no requests", () => {
    const none = servingResult([], 1);
    expect([none.completed, none.output_throughput, none.p99_itl_ms]).toEqual([0, 0, 0]);
    expect(none.max_output_tokens_per_s).toBe(0);
  });
});
