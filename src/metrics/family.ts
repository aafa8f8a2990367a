// What a metric family is: one record with its name, shape, life and the one line that moves it. The
// registry, /metrics, docs/metrics.md and the tests are made from these records.

import type { EngineInfo } from "../protocol/protocol.ts";
import type { IterationStats, SchedulerStats, SleepRecord } from "../protocol/stats.ts";

export type MetricType = "counter" | "gauge" | "histogram" | "summary";

/** Where a source puts its numbers; `labels` are values of the family's own labels, in its order. */
export interface MetricSink {
  /** Gauges, and whatever is read at a scrape. */
  set(value: number, ...labels: string[]): void;
  /** Counters; value >= 0. */
  add(value: number, ...labels: string[]): void;
  /** Histograms and summaries. */
  observe(value: number, ...labels: string[]): void;
}

/** One message of the engine. */
export interface StepRecord {
  readonly scheduler: SchedulerStats;
  /** Null when the message held no outputs. */
  readonly iteration: IterationStats | null;
}

/** One answered HTTP request. */
export interface HttpRecord {
  /** Route as registered; "none" where no route matched. */
  readonly handler: string;
  readonly method: string;
  readonly status: number;
  /** Until the last byte of the answer was handed over. */
  readonly durationS: number;
  /** Content-Length, 0 where there is none. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** What is read when /metrics is. */
export interface ScrapeRecord {
  readonly info: EngineInfo;
  readonly isEngineUp: boolean;
  /** Null where the system does not tell. */
  readonly process: ProcessStats | null;
}

export interface ProcessStats {
  readonly virtualMemoryBytes: number;
  readonly residentMemoryBytes: number;
  /** Unix seconds. */
  readonly startTimeS: number;
  readonly cpuSeconds: number;
  readonly openFds: number;
  readonly maxFds: number;
}

/** The events that move metrics. */
export interface MetricEvents {
  readonly step: StepRecord;
  readonly sleep: SleepRecord;
  /** The engine is back after a death. */
  readonly restart: null;
  readonly http: HttpRecord;
  readonly scrape: ScrapeRecord;
}

export type MetricEvent = keyof MetricEvents;

export type MetricSource = {
  [E in MetricEvent]: {
    readonly on: E;
    readonly write: (record: MetricEvents[E], sink: MetricSink) => void;
  };
}[MetricEvent];

/** What must be on for a family to exist. Everything but "always" ends with --disable-log-stats. */
export type MetricFeature = "always" | "log-stats" | "kv-cache-metrics" | "sleep-mode";

/** "tokens" = 1, 2, 5, 10, ... up to the model's length. */
export type BucketRule = readonly number[] | "tokens";

export interface MetricLabel {
  readonly name: string;
  /** All values: their series are at 0 from the start. Null = series appear as they are used. */
  readonly values: readonly string[] | null;
}

/** Deprecated in X.Y, hidden in X.Y+1, removed in X.Y+2. */
export interface Deprecation {
  /** vLLM's version, "X.Y". */
  readonly in: string;
  /** Where the removal was later than the policy has it. */
  readonly removedIn?: string;
  readonly replacedBy: string;
}

export interface MetricFamily {
  /** As registered; a counter's samples end in `_total`. */
  readonly name: string;
  readonly type: MetricType;
  /** vLLM's text, without what a deprecation adds. */
  readonly help: string;
  /** Upper bounds, for histograms. */
  readonly buckets?: BucketRule;
  /** Labels that all series of the server share; default both. */
  readonly common?: readonly ("engine" | "model_name")[];
  /** Its own labels. */
  readonly labels?: readonly MetricLabel[];
  /** vLLM's version that brought it; "ours" for what it does not have. */
  readonly since: string;
  readonly deprecated?: Deprecation;
  readonly enabledBy: MetricFeature;
  /** For the operator: what it means and when it moves. */
  readonly meaning: string;
  /** For the operator: which alert or decision reads it. */
  readonly alert?: string;
  readonly source: MetricSource;
}

/** HELP text; a deprecation is appended without a space, as vLLM prints it. */
export function helpText({ help, deprecated }: Pick<MetricFamily, "help" | "deprecated">): string {
  return deprecated === undefined
    ? help
    : `${help}DEPRECATED: Use ${deprecated.replacedBy} instead.`;
}

export function onStep(write: (record: StepRecord, sink: MetricSink) => void): MetricSource {
  return { on: "step", write };
}

export function onSleep(write: (record: SleepRecord, sink: MetricSink) => void): MetricSource {
  return { on: "sleep", write };
}

export function onRestart(write: (sink: MetricSink) => void): MetricSource {
  return { on: "restart", write: (_, sink) => write(sink) };
}

export function onHttp(write: (record: HttpRecord, sink: MetricSink) => void): MetricSource {
  return { on: "http", write };
}

export function onScrape(write: (record: ScrapeRecord, sink: MetricSink) => void): MetricSource {
  return { on: "scrape", write };
}

/** A gauge of the engine's state after a step. */
export function gaugeOf(of: (stats: SchedulerStats) => number): MetricSource {
  return onStep(({ scheduler }, sink) => sink.set(of(scheduler)));
}

/** A counter of what a message's outputs bring. */
export function countOf(of: (stats: IterationStats) => number): MetricSource {
  return onStep(({ iteration }, sink) => {
    if (iteration !== null) sink.add(of(iteration));
  });
}

/** Observations that a message's outputs bring. */
export function observationsOf(of: (stats: IterationStats) => readonly number[]): MetricSource {
  return onStep(({ iteration }, sink) => {
    for (const value of iteration === null ? [] : of(iteration)) sink.observe(value);
  });
}

/** One observation for each sequence that finished. */
export function perFinished(
  of: (finished: IterationStats["finished"][number]) => number,
): MetricSource {
  return observationsOf(({ finished }) => finished.map(of));
}
