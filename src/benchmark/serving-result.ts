// The result of a load, with the keys and definitions of `vllm bench serve --save-result`, so tools
// that read vLLM's files can read Pagoda's too. As in vLLM, E2E latency ends at the last token.

import { mean, medianOf, percentile, standardDeviation } from "./statistics.ts";
import { e2elMs, itlsMs, type RequestTimeline, tpotMs, ttftMs } from "./timeline.ts";

const METRICS = ["ttft", "tpot", "itl", "e2el"] as const;
const PERCENTILES = [50, 90, 99] as const;

export type LatencyMetric = (typeof METRICS)[number];

/** Maximum latencies of a good request in milliseconds, by metric. */
export type Goodput = Partial<Record<"ttft" | "tpot" | "e2el", number>>;

type LatencyKey =
  | `${"mean" | "median" | "std"}_${LatencyMetric}_ms`
  | `p${(typeof PERCENTILES)[number]}_${LatencyMetric}_ms`;

export interface ServingResult extends Readonly<Record<LatencyKey, number>> {
  readonly duration: number;
  readonly completed: number;
  readonly failed: number;
  readonly total_input_tokens: number;
  readonly total_output_tokens: number;
  readonly request_throughput: number;
  /** Good requests per second; null if no limits are set. */
  readonly request_goodput: number | null;
  readonly output_throughput: number;
  readonly total_token_throughput: number;
  /** Maximum number of output tokens in one second of the load. */
  readonly max_output_tokens_per_s: number;
  readonly input_lens: readonly number[];
  readonly output_lens: readonly number[];
  /** Times in seconds. */
  readonly ttfts: readonly number[];
  readonly itls: readonly (readonly number[])[];
  readonly errors: readonly string[];
}

/**
 * Failed requests count only as failed. A request that was cut off contributes its tokens and
 * all latencies except E2E, but does not count as completed.
 */
export function servingResult(
  timelines: readonly RequestTimeline[],
  durationS: number,
  goodput: Goodput | null = null,
): ServingResult {
  const failed = timelines.filter(({ error }) => error !== null);
  const answered = timelines.filter(({ error, events }) => error === null && events.length > 0);
  const whole = answered.filter(({ isCut }) => !isCut);
  const sum = (of: (timeline: RequestTimeline) => number) =>
    answered.reduce((total, timeline) => total + of(timeline), 0);
  const numInput = sum(({ numPromptTokens }) => numPromptTokens);
  const numOutput = sum(({ numOutputTokens }) => numOutputTokens);
  const good = goodput === null ? null : whole.filter((one) => isGood(one, goodput)).length;
  return {
    duration: durationS,
    completed: whole.length,
    failed: failed.length,
    total_input_tokens: numInput,
    total_output_tokens: numOutput,
    request_throughput: whole.length / durationS,
    request_goodput: good === null ? null : good / durationS,
    output_throughput: numOutput / durationS,
    total_token_throughput: (numInput + numOutput) / durationS,
    max_output_tokens_per_s: busiestSecond(answered),
    ...latencyFigures(latencies(answered)),
    input_lens: answered.map(({ numPromptTokens }) => numPromptTokens),
    output_lens: answered.map(({ numOutputTokens }) => numOutputTokens),
    ttfts: answered.map((timeline) => (ttftMs(timeline) ?? 0) / 1000),
    itls: answered.map((timeline) => itlsMs(timeline).map((ms) => ms / 1000)),
    errors: failed.map(({ error }) => error ?? ""),
  };
}

/** Latencies in milliseconds by metric. Omits missing values, e.g. TPOT of a request with one token. */
export function latencies(
  timelines: readonly RequestTimeline[],
): Record<LatencyMetric, readonly number[]> {
  const each = (of: (timeline: RequestTimeline) => number | null) =>
    timelines.map(of).filter((ms) => ms !== null);
  return {
    ttft: each(ttftMs),
    tpot: each(tpotMs),
    itl: timelines.flatMap(itlsMs),
    e2el: each((timeline) => (timeline.isCut ? null : e2elMs(timeline))),
  };
}

function latencyFigures(
  byMetric: Record<LatencyMetric, readonly number[]>,
): Record<LatencyKey, number> {
  const entries = METRICS.flatMap((metric): [string, number][] => {
    const values = byMetric[metric];
    return [
      [`mean_${metric}_ms`, mean(values)],
      [`median_${metric}_ms`, medianOf(values)],
      [`std_${metric}_ms`, standardDeviation(values)],
      ...PERCENTILES.map((p): [string, number] => [`p${p}_${metric}_ms`, percentile(values, p)]),
    ];
  });
  return Object.fromEntries(entries) as Record<LatencyKey, number>;
}

function isGood(timeline: RequestTimeline, limits: Goodput): boolean {
  const reached = { ttft: ttftMs, tpot: tpotMs, e2el: e2elMs };
  return Object.entries(limits).every(
    ([metric, limit]) => (reached[metric as keyof Goodput](timeline) ?? 0) <= limit,
  );
}

function busiestSecond(timelines: readonly RequestTimeline[]): number {
  const startMs = Math.min(...timelines.map((timeline) => timeline.startMs));
  const counts = new Map<number, number>();
  for (const { atMs } of timelines.flatMap(({ events }) => events)) {
    const second = Math.floor((atMs - startMs) / 1000);
    counts.set(second, (counts.get(second) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}
