// The metrics of one engine: records what the engine reports, and prints it. Reads plain stats records
// only; knows no HTTP and nothing of the engine's inside.

import type { EngineInfo } from "../engine/protocol.ts";
import type { IterationStats, SchedulerStats, StatListener } from "../engine/stats.ts";
import { cacheConfigFamily } from "./cache-config.ts";
import { CATALOGUE, type MetricFamily, tokenBuckets } from "./catalogue.ts";
import { expositionText } from "./exposition.ts";
import { type ProcessStats, processFamilies } from "./process-families.ts";
import { MetricValues } from "./registry.ts";
import { visibleFamilies } from "./version-gate.ts";

export interface MetricsOptions {
  readonly info: EngineInfo;
  /** First served model name. */
  readonly modelName: string;
  /** Value of --show-hidden-metrics-for-version, checked; null when absent. */
  readonly showHiddenFor: string | null;
  /** Print `_created` families. */
  readonly createdSeries: boolean;
  /** False: no engine families at all (--disable-log-stats). */
  readonly logStats: boolean;
  /** Null where the system does not tell. */
  readonly processStats: () => ProcessStats | null;
  /** Unix seconds. */
  readonly nowS: number;
}

const ENGINE = "0";

export class Metrics implements StatListener {
  readonly #options: MetricsOptions;
  readonly #families: { family: MetricFamily; values: MetricValues }[];

  constructor(options: MetricsOptions) {
    this.#options = options;
    const shown = options.logStats ? visibleFamilies(CATALOGUE, options.showHiddenFor) : [];
    this.#families = shown.map((family) => ({ family, values: this.#values(family) }));
  }

  record(scheduler: SchedulerStats, iteration: IterationStats | null): void {
    const step = { scheduler, iteration };
    for (const { family, values } of this.#families) family.source(step, values);
  }

  /** The whole exposition. Never waits for the engine. */
  async text(): Promise<string> {
    const { info, createdSeries, logStats } = this.#options;
    const engine = await Promise.all(this.#families.map(({ values }) => values.snapshot()));
    const stats = this.#options.processStats();
    const process = stats === null ? [] : processFamilies(stats);
    const config = logStats ? [cacheConfigFamily(info, ENGINE)] : [];
    return expositionText([...process, ...engine, ...config], createdSeries);
  }

  #values(family: MetricFamily): MetricValues {
    const { info, modelName, nowS } = this.#options;
    const buckets =
      family.buckets === "tokens" ? tokenBuckets(info.maxModelLen) : (family.buckets ?? []);
    const labels = { model_name: modelName, engine: ENGINE };
    return new MetricValues({ family, labels, buckets, createdS: nowS });
  }
}
