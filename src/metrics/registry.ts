// Holds the values: prom-client behind one file. Every family gets its labels and all its known series
// at 0 when it is made; children are looked up once, not per observation. A gauge is set at every step
// and only its last value counts, so prom-client gets it when it is read.

import { Counter, Gauge, Histogram } from "prom-client";
import { assert } from "../assert.ts";
import type { MetricFamily, MetricSink, MetricType } from "./catalogue.ts";

export interface Labels {
  readonly [name: string]: string;
}

/** One series of a gauge or counter, or one histogram, as it stands. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

export interface HistogramSample {
  readonly labels: Labels;
  /** Upper bound and cumulative count, ascending; the last bound is Infinity. */
  readonly buckets: readonly (readonly [number, number])[];
  readonly sum: number;
  readonly count: number;
}

export interface FamilySnapshot {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Unix seconds at which the series were made; null = no `_created` family. */
  readonly createdS: number | null;
  readonly samples: readonly Sample[];
  readonly histograms: readonly HistogramSample[];
}

export interface FamilyOptions {
  readonly family: Pick<MetricFamily, "name" | "type" | "help" | "label">;
  readonly labels: Labels;
  readonly buckets: readonly number[];
  readonly createdS: number;
}

/** One family's values. */
export class MetricValues implements MetricSink {
  readonly #options: FamilyOptions;
  /** Latest value of each series of a gauge, by the family's own label ("" without one). */
  readonly #gauges = new Map<string, number>();
  readonly #counters = new Map<string, Counter.Internal>();
  readonly #histogram: Histogram.Internal<string> | null;
  readonly #metric: Gauge | Counter | Histogram;

  constructor(options: FamilyOptions) {
    this.#options = options;
    const { family, labels, buckets } = options;
    const labelNames = [...Object.keys(labels), ...(family.label ? [family.label.name] : [])];
    const common = {
      name: family.name,
      help: family.help,
      labelNames,
      registers: [],
    };
    const series = family.label?.values ?? [""];
    this.#histogram = null;
    if (family.type === "histogram") {
      const histogram = new Histogram({ ...common, buckets: [...buckets] });
      histogram.zero({ ...labels });
      this.#histogram = histogram.labels({ ...labels });
      this.#metric = histogram;
    } else if (family.type === "gauge") {
      for (const value of series) this.#gauges.set(value, 0);
      const gauge: Gauge = new Gauge({ ...common, collect: () => this.#writeGauges(gauge) });
      this.#metric = gauge;
    } else {
      const counter = new Counter(common);
      for (const value of series) this.#counters.set(value, counter.labels(this.#labelsOf(value)));
      for (const child of this.#counters.values()) child.inc(0);
      this.#metric = counter;
    }
  }

  set(value: number, label = ""): void {
    assert(this.#gauges.has(label), `${this.#options.family.name}: no gauge "${label}"`);
    this.#gauges.set(label, value);
  }

  add(value: number, label = ""): void {
    const child = this.#counters.get(label);
    assert(child !== undefined, `${this.#options.family.name}: no counter "${label}"`);
    assert(value >= 0, `${this.#options.family.name}: a counter cannot fall`);
    if (value > 0) child.inc(value);
  }

  observe(value: number): void {
    assert(this.#histogram !== null, `${this.#options.family.name}: not a histogram`);
    this.#histogram.observe(value);
  }

  async snapshot(): Promise<FamilySnapshot> {
    const { family, createdS } = this.#options;
    const { name, type, help } = family;
    const { values } = (await this.#metric.get()) as { values: PromValue[] };
    const isHistogram = type === "histogram";
    const samples = isHistogram ? [] : values.map(({ labels, value }) => sampleOf(labels, value));
    const histograms = isHistogram ? [histogramOf(values, this.#options.labels)] : [];
    return { name, type, help, createdS, samples, histograms };
  }

  #writeGauges(gauge: Gauge): void {
    for (const [label, value] of this.#gauges) gauge.set(this.#labelsOf(label), value);
  }

  #labelsOf(value: string): Record<string, string> {
    const { label } = this.#options.family;
    return label === undefined
      ? { ...this.#options.labels }
      : { ...this.#options.labels, [label.name]: value };
  }
}

interface PromValue {
  readonly metricName?: string;
  readonly labels: Record<string, string | number | undefined>;
  readonly value: number;
}

function sampleOf(labels: PromValue["labels"], value: number): Sample {
  const text = Object.entries(labels).map(([name, label]) => [name, String(label)]);
  return { labels: Object.fromEntries(text), value };
}

function histogramOf(values: readonly PromValue[], labels: Labels): HistogramSample {
  const buckets: [number, number][] = [];
  let sum = 0;
  let count = 0;
  for (const { metricName = "", labels: own, value } of values) {
    if (metricName.endsWith("_sum")) sum = value;
    else if (metricName.endsWith("_count")) count = value;
    else buckets.push([own["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(own["le"]), value]);
  }
  return { labels, buckets, sum, count };
}
