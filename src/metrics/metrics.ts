// The metrics of one server: collects records from the engine and the HTTP layer, and prints the
// exposition. Depends only on plain records, not on an HTTP library or the engine's internals.

import type { EngineInfo } from "../protocol/protocol.ts";
import type {
  IterationStats,
  SchedulerStats,
  SleepRecord,
  StatListener,
} from "../protocol/stats.ts";
import { bucketBounds } from "./buckets.ts";
import { CATALOG } from "./catalog.ts";
import { expositionText, openMetricsText } from "./exposition.ts";
import type {
  HttpRecord,
  MetricEvent,
  MetricEvents,
  MetricFamily,
  MetricFeature,
  MetricLabel,
  ProcessStats,
} from "./family.ts";
import { type FamilySnapshot, type KnownLabel, MetricValues } from "./registry.ts";
import { visibleFamilies } from "./version-gate.ts";

export interface MetricsOptions {
  readonly info: EngineInfo;
  /** First served model name. */
  readonly modelName: string;
  /** Validated value of --show-hidden-metrics-for-version; null when absent. */
  readonly showHiddenFor: string | null;
  /** Print `_created` families. */
  readonly createdSeries: boolean;
  /**
   * Enabled features other than "always", and other than "spec-decode" and "lora", which depend on the engine. Without
   * "log-stats", the others have no effect.
   */
  readonly features: ReadonlySet<MetricFeature>;
  readonly isEngineUp: () => boolean;
  /** Returns null if the system does not report the statistics. */
  readonly processStats: () => ProcessStats | null;
  /** Returns the current time, in Unix seconds. */
  readonly nowS: () => number;
}

interface Entry {
  readonly family: MetricFamily;
  readonly values: MetricValues;
}

const COMMON = { engine: "0" };

export class Metrics implements StatListener {
  readonly #options: MetricsOptions;
  /** In exposition order. */
  readonly #entries: readonly Entry[];
  readonly #byEvent: Readonly<Record<MetricEvent, readonly Entry[]>>;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#entries = registeredFamilies(options).map((family) => ({
      family,
      values: new MetricValues({
        family,
        common: commonLabels(family, options.modelName),
        labels: (family.labels ?? []).map((label) => knownLabel(label, options.info)),
        buckets: bucketBounds(family.buckets, options.info.maxModelLen),
        nowS: options.nowS,
      }),
    }));
    const on = (event: MetricEvent) =>
      this.#entries.filter(({ family }) => family.source.on === event);
    this.#byEvent = {
      step: on("step"),
      sleep: on("sleep"),
      restart: on("restart"),
      http: on("http"),
      scrape: on("scrape"),
    };
    this.recordSleep({ operation: "wake", numInFlight: 0, durationS: null, state: "awake" });
  }

  record(scheduler: SchedulerStats, iteration: IterationStats | null): void {
    const { info, nowS } = this.#options;
    this.#write("step", { scheduler, iteration, info, nowS: nowS() });
  }

  recordSleep(record: SleepRecord): void {
    this.#write("sleep", record);
  }

  recordRestart(): void {
    this.#write("restart", null);
  }

  recordHttp(record: HttpRecord): void {
    this.#write("http", record);
  }

  /** Renders the whole exposition. Never waits for the engine. */
  async text(format: "prometheus" | "openmetrics" = "prometheus"): Promise<string> {
    const print = format === "openmetrics" ? openMetricsText : expositionText;
    return print(await this.snapshot(), this.#options.createdSeries);
  }

  /** @returns every family with its current values, in exposition order */
  async snapshot(): Promise<FamilySnapshot[]> {
    const { info, isEngineUp, processStats } = this.#options;
    this.#write("scrape", { info, isEngineUp: isEngineUp(), process: processStats() });
    const snapshots = await Promise.all(this.#entries.map(({ values }) => values.snapshot()));
    // Leaves out families whose values the system does not report. Other empty families print only their HELP and TYPE
    // lines.
    return snapshots.filter(
      ({ samples }, i) => samples.length > 0 || this.#entries[i]?.family.source.on !== "scrape",
    );
  }

  #write<E extends MetricEvent>(event: E, record: MetricEvents[E]): void {
    for (const { family, values } of this.#byEvent[event]) {
      // All entries listed for an event have sources for that event.
      (family.source.write as (record: MetricEvents[E], sink: MetricValues) => void)(
        record,
        values,
      );
    }
  }
}

/** Leaves out families that are hidden or off, so they cost nothing. */
function registeredFamilies({ features, showHiddenFor, info }: MetricsOptions): MetricFamily[] {
  const isOn = (feature: MetricFeature) => {
    if (feature === "spec-decode") return info.numSpeculativeTokens > 0;
    return feature === "lora" ? info.maxLoras > 0 : features.has(feature);
  };
  return visibleFamilies(CATALOG, showHiddenFor).filter(
    ({ enabledBy }) => enabledBy === "always" || (features.has("log-stats") && isOn(enabledBy)),
  );
}

function knownLabel({ name, values }: MetricLabel, info: EngineInfo): KnownLabel {
  if (values !== "draft-positions") return { name, values };
  return { name, values: Array.from({ length: info.numSpeculativeTokens }, (_, i) => String(i)) };
}

function commonLabels({ common = ["engine", "model_name"] }: MetricFamily, modelName: string) {
  const values = { ...COMMON, model_name: modelName };
  return Object.fromEntries(common.map((name) => [name, values[name]]));
}
