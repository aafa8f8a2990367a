// The record of a metric family: its name, type, lifecycle and the line that updates it. The registry,
// /metrics, docs/metrics.md and the tests are generated from these records.

import type { EngineInfo } from "../protocol/protocol.ts";
import type { IterationStats, SchedulerStats, SleepRecord } from "../protocol/stats.ts";

export type MetricType = "counter" | "gauge" | "histogram" | "summary";

/** Receives values from a source; `labels` are the values of the family's own labels, in order. */
export interface MetricSink {
  /** For gauges, and for all values that are read at a scrape. */
  set(value: number, ...labels: string[]): void;
  /** For gauges with one series: removes any series with other labels. */
  replace(value: number, ...labels: string[]): void;
  /** For counters; value >= 0. */
  add(value: number, ...labels: string[]): void;
  /** For histograms and summaries. */
  observe(value: number, ...labels: string[]): void;
}

/** One message from the engine. */
export interface StepRecord {
  readonly scheduler: SchedulerStats;
  /** Observations from the message; null if it had no outputs. */
  readonly iteration: IterationStats | null;
  readonly info: EngineInfo;
  /** Current time, in Unix seconds. */
  readonly nowS: number;
}

/** One completed HTTP request. */
export interface HttpRecord {
  /** Route as registered; "none" if no route matched. */
  readonly handler: string;
  readonly method: string;
  readonly status: number;
  /** Time from arrival until the last byte of the response was passed to the socket. */
  readonly durationS: number;
  /** Content-Length, 0 if absent. */
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** Values that are read at each scrape of /metrics. */
export interface ScrapeRecord {
  readonly info: EngineInfo;
  readonly isEngineUp: boolean;
  /** Process statistics; null if the system does not report them. */
  readonly process: ProcessStats | null;
}

export interface ProcessStats {
  readonly virtualMemoryBytes: number;
  readonly residentMemoryBytes: number;
  /** Start time of the process, in Unix seconds. */
  readonly startTimeS: number;
  readonly cpuSeconds: number;
  readonly openFds: number;
  readonly maxFds: number;
}

/** Events that update metrics. */
export interface MetricEvents {
  readonly step: StepRecord;
  readonly sleep: SleepRecord;
  /** The engine was restarted after a crash. */
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

/** Feature that must be on for a family to exist. --disable-log-stats turns off all except "always". */
export type MetricFeature =
  | "always"
  | "log-stats"
  | "kv-cache-metrics"
  | "sleep-mode"
  | "spec-decode"
  | "lora";

/** "tokens" = 1, 2, 5, 10, ... up to the model's maximum length. */
export type BucketRule = readonly number[] | "tokens";

/** "draft-positions" = "0", "1", ... for each draft that a request can have in a step. */
export type LabelRule = readonly string[] | "draft-positions";

export interface MetricLabel {
  readonly name: string;
  /** All possible values, whose series start at 0. Null = a series appears when it is first used. */
  readonly values: LabelRule | null;
}

/** Deprecated in X.Y, hidden in X.Y+1, removed in X.Y+2. */
export interface Deprecation {
  /** vLLM's version, "X.Y". */
  readonly in: string;
  /** Version that removed it, if later than the policy says. */
  readonly removedIn?: string;
  readonly replacedBy: string;
}

export interface MetricFamily {
  /** Registered name; a counter's sample names end in `_total`. */
  readonly name: string;
  readonly type: MetricType;
  /** vLLM's help text, without the note that a deprecation adds. */
  readonly help: string;
  /** Upper bounds, for histograms. */
  readonly buckets?: BucketRule;
  /** Labels that all series of the server share; both by default. */
  readonly common?: readonly ("engine" | "model_name")[];
  /** Labels specific to this family. */
  readonly labels?: readonly MetricLabel[];
  /** vLLM version that introduced it; "Pagoda" for families that vLLM does not have. */
  readonly since: string;
  readonly deprecated?: Deprecation;
  readonly enabledBy: MetricFeature;
  /** Explanation for operators: the family's meaning, and when its values change. */
  readonly meaning: string;
  /** Alert or decision that the family is used for. */
  readonly alert?: string;
  readonly source: MetricSource;
}

/** @returns the HELP text; as in vLLM, a deprecation is appended without a space */
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

/** Source of a gauge for the engine's state after each step. */
export function gaugeOf(of: (stats: SchedulerStats) => number): MetricSource {
  return onStep(({ scheduler }, sink) => sink.set(of(scheduler)));
}

/** Source of a counter that grows with each message's outputs. */
export function countOf(of: (stats: IterationStats) => number): MetricSource {
  return onStep(({ iteration }, sink) => {
    if (iteration !== null) sink.add(of(iteration));
  });
}

/** Source of observations from each message's outputs. */
export function observationsOf(of: (stats: IterationStats) => readonly number[]): MetricSource {
  return onStep(({ iteration }, sink) => {
    for (const value of iteration === null ? [] : of(iteration)) sink.observe(value);
  });
}

/** Source of one observation for each finished sequence. */
export function perFinished(
  of: (finished: IterationStats["finished"][number]) => number,
): MetricSource {
  return observationsOf(({ finished }) => finished.map(of));
}
