// Holds the values of one family. Each series is its own prom-client metric, so finding it takes a
// single lookup. Series with known labels start at 0; others appear when they are first used.

import { Counter, Gauge, Histogram } from "prom-client";
import { assert } from "../assert.ts";
import { helpText, type MetricFamily, type MetricSink, type MetricType } from "./family.ts";

export interface Labels {
  readonly [name: string]: string;
}

/** One series of a gauge or counter. */
export interface Sample {
  /** Label values by label name, including the labels that all series share. */
  readonly labels: Labels;
  /** Value in the unit at the end of the family's name; can be NaN or infinite. */
  readonly value: number;
  /** Unix time in seconds at which the series was created; null = not reported. */
  readonly createdS: number | null;
}

/** One series of a histogram, or of a summary, which has no finite buckets. */
export interface HistogramSample {
  /** Label values by label name. */
  readonly labels: Labels;
  /** Upper bound and cumulative count, ascending; the last bound is Infinity. */
  readonly buckets: readonly (readonly [number, number])[];
  /** Sum of all observed values. */
  readonly sum: number;
  /** Number of observed values. */
  readonly count: number;
  /** Unix time in seconds at which the series was created; null = not reported. */
  readonly createdS: number | null;
}

/** All series of one family at one moment. */
export interface FamilySnapshot {
  /** Name in /metrics, without suffixes such as "_total". */
  readonly name: string;
  /** Type on the TYPE line. */
  readonly type: MetricType;
  /** Text on the HELP line. */
  readonly help: string;
  /** Series of counters and gauges; otherwise empty. */
  readonly samples: readonly Sample[];
  /** Series of histograms and summaries; otherwise empty. */
  readonly histograms: readonly HistogramSample[];
}

export interface KnownLabel {
  readonly name: string;
  readonly values: readonly string[] | null;
}

export interface FamilyOptions {
  readonly family: MetricFamily;
  /** Values of the labels that all series of the family share. */
  readonly common: Labels;
  /** The family's own labels with their possible values; null = unknown. */
  readonly labels: readonly KnownLabel[];
  /** Upper bounds without infinity; none for a summary. */
  readonly buckets: readonly number[];
  /** Returns the current time, in Unix seconds. */
  readonly nowS: () => number;
}

interface Series {
  readonly labels: Labels;
  readonly createdS: number | null;
  readonly metric: Gauge | Counter | Histogram;
}

/** Separates label values in a key; no valid text contains it. */
const SEPARATOR = "\uffff";

/** One family's values. */
export class MetricValues implements MetricSink {
  readonly #options: FamilyOptions;
  readonly #series = new Map<string, Series>();

  constructor(options: FamilyOptions) {
    this.#options = options;
    for (const values of knownSeries(options)) this.#find(values);
  }

  set(value: number, ...labels: string[]): void {
    const { metric } = this.#find(labels);
    assert(metric instanceof Gauge, `${this.#name}: cannot be set`);
    metric.set(value);
  }

  replace(value: number, ...labels: string[]): void {
    const key = labels.join(SEPARATOR);
    for (const other of this.#series.keys()) if (other !== key) this.#series.delete(other);
    this.set(value, ...labels);
  }

  add(value: number, ...labels: string[]): void {
    const { metric } = this.#find(labels);
    assert(metric instanceof Counter, `${this.#name}: not a counter`);
    assert(value >= 0, `${this.#name}: a counter cannot decrease`);
    if (value > 0) metric.inc(value);
  }

  observe(value: number, ...labels: string[]): void {
    const { metric } = this.#find(labels);
    assert(metric instanceof Histogram, `${this.#name}: not a histogram`);
    metric.observe(value);
  }

  async snapshot(): Promise<FamilySnapshot> {
    const { family } = this.#options;
    const { name, type } = family;
    const samples: Sample[] = [];
    const histograms: HistogramSample[] = [];
    for (const series of this.#series.values()) {
      const { values } = (await series.metric.get()) as { values: PromValue[] };
      if (series.metric instanceof Histogram) histograms.push(histogramOf(series, values));
      else samples.push(sampleOf(series, values));
    }
    return { name, type, help: helpText(family), samples, histograms };
  }

  get #name(): string {
    return this.#options.family.name;
  }

  #find(values: readonly string[]): Series {
    const key = values.join(SEPARATOR);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const made = this.#make(values);
    this.#series.set(key, made);
    return made;
  }

  #make(values: readonly string[]): Series {
    const { family, labels, common, nowS } = this.#options;
    assert(values.length === labels.length, `${family.name}: needs a value for each label`);
    const own = labels.map(({ name, values: allowed }, i) => {
      const value = values[i] ?? "";
      assert(allowed?.includes(value) ?? true, `${family.name}: no series "${value}"`);
      return [name, value];
    });
    const isCreated = family.type !== "gauge" && family.source.on !== "scrape";
    return {
      labels: { ...common, ...Object.fromEntries(own) },
      createdS: isCreated ? nowS() : null,
      metric: this.#makeMetric(),
    };
  }

  /** Creates a gauge for values that are read at a scrape, even if they are printed as counters. */
  #makeMetric(): Series["metric"] {
    const { family, buckets } = this.#options;
    const config = { name: family.name, help: family.help, registers: [] };
    if (family.type === "histogram" || family.type === "summary") {
      return new Histogram({ ...config, buckets: [...buckets] });
    }
    const isCounted = family.type === "counter" && family.source.on !== "scrape";
    return isCounted ? new Counter(config) : new Gauge(config);
  }
}

/** @returns label values of the series that exist from the start; none if a label's values are unknown */
function knownSeries({ labels, family }: FamilyOptions): string[][] {
  if (family.source.on === "scrape") return [];
  return labels.reduce<string[][]>(
    (known, { values }) => known.flatMap((row) => (values ?? []).map((value) => [...row, value])),
    [[]],
  );
}

interface PromValue {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number | undefined>>;
  readonly value: number;
}

function sampleOf({ labels, createdS }: Series, values: readonly PromValue[]): Sample {
  return { labels, createdS, value: values[0]?.value ?? 0 };
}

function histogramOf({ labels, createdS }: Series, values: readonly PromValue[]): HistogramSample {
  const buckets: [number, number][] = [];
  let sum = 0;
  let count = 0;
  for (const { metricName = "", labels: own, value } of values) {
    if (metricName.endsWith("_sum")) sum = value;
    else if (metricName.endsWith("_count")) count = value;
    else buckets.push([own["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(own["le"]), value]);
  }
  return { labels, createdS, buckets, sum, count };
}
