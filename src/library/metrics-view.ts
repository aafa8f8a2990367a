// The metrics of one LLM, for users of the library.

import type { Metrics } from "../metrics/metrics.ts";
import type { FamilySnapshot } from "../metrics/registry.ts";

export type { FamilySnapshot, HistogramSample, Sample } from "../metrics/registry.ts";

/** vLLM's metrics for one LLM; docs/metrics.md describes them. */
export class MetricsView {
  readonly #metrics: Metrics;

  /** @internal */
  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** Current values by family name, such as "vllm:kv_cache_usage_perc". Never waits for the engine. */
  async snapshot(): Promise<ReadonlyMap<string, FamilySnapshot>> {
    const families = await this.#metrics.snapshot();
    return new Map(families.map((family) => [family.name, family]));
  }

  /** The text that GET /metrics would return, in Prometheus or OpenMetrics format. */
  text(format: "prometheus" | "openmetrics" = "prometheus"): Promise<string> {
    return this.#metrics.text(format);
  }
}
