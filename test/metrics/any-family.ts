// Random metric families of every kind, in Pagoda's format and the Python client's.

import fc from "fast-check";
import type { FamilySnapshot } from "../../src/metrics/registry.ts";
import { bitsOf, type PythonFamily } from "../support/python-client.ts";

interface AnySeries {
  readonly labels: readonly string[];
  readonly value: number;
  readonly sum: number;
  /** [bounds.length + 1] count of each bucket, not cumulative. */
  readonly counts: readonly number[];
  readonly created: number;
}

export interface AnyFamily {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly bounds: readonly number[];
  readonly isCreated: boolean;
  readonly series: readonly AnySeries[];
}

const EXTREMES = [0, -0, 5e-324, 1e-4, 9.999e-5, 999_999, 1e6, -1e6, 1e10, 1e15, 1e16, 1e22];
const BEYOND = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1e16];
const PIECES = [
  '"',
  "\\",
  "\n",
  "\\n",
  "\r",
  "'",
  "{",
  "}",
  ",",
  "=",
  " ",
  "#",
  "é",
  "模",
  "🏯",
  "",
];

/** Numbers of any magnitude with few digits, such as 1.2345e+10. */
const scaled = fc
  .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer({ min: -12, max: 20 }))
  .map(([digits, exponent]) => Number(`${digits}e${exponent}`));

const anyNumber = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.nat(1000),
  scaled,
  fc.constantFrom(...EXTREMES, ...BEYOND),
);

const anyText = fc
  .array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: "binary", maxLength: 3 })), {
    maxLength: 6,
  })
  .map((pieces) => pieces.join(""));

/** Names, some of which already end in a suffix that both implementations append. */
const anyName = fc
  .stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}(_total|_created|_info|_bucket|_sum|_count)?$/)
  .filter((name) => name !== "_total");

/**
 * Excludes labels that Python rejects: those reserved for histograms and summaries, and those that begin with two
 * underscores.
 */
const labelName = fc
  .stringMatching(/^_?[a-zA-Z][a-zA-Z0-9_]{0,4}$/)
  .filter((name) => name !== "le" && name !== "quantile");

const anyBounds = fc
  .uniqueArray(
    fc.oneof(
      fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
      scaled.filter((bound) => bound > 0),
      fc.constantFrom(...EXTREMES.filter((bound) => bound > 0)),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((bounds) => bounds.sort((a, b) => a - b));

function anySeries(numLabels: number, numBuckets: number): fc.Arbitrary<AnySeries> {
  return fc.record({
    labels: fc.array(anyText, { minLength: numLabels, maxLength: numLabels }),
    value: anyNumber,
    sum: anyNumber,
    counts: fc.array(fc.nat(1000), { minLength: numBuckets, maxLength: numBuckets }),
    created: anyNumber,
  });
}

/** Families with one series if they have no labels, and with up to three otherwise. */
export const anyFamily: fc.Arbitrary<AnyFamily> = fc
  .record({
    name: anyName,
    type: fc.constantFrom("counter", "gauge", "histogram", "summary"),
    help: anyText,
    labelNames: fc.uniqueArray(labelName, { maxLength: 3 }),
    bounds: anyBounds,
    isCreated: fc.boolean(),
  })
  .chain((family) => {
    const numLabels = family.labelNames.length;
    const [minLength, maxLength] = numLabels === 0 ? [1, 1] : [0, 3];
    const series = anySeries(numLabels, family.bounds.length + 1);
    return fc
      .uniqueArray(series, {
        minLength,
        maxLength,
        selector: ({ labels }) => labels.join("\uffff"),
      })
      .map((all) => ({ ...family, series: all }));
  });

export function snapshotOf(family: AnyFamily): FamilySnapshot {
  const { name, type, help } = family;
  const isPlain = type === "counter" || type === "gauge";
  const isCreated = family.isCreated && type !== "gauge";
  const parts = family.series.map((series) => ({
    ...series,
    labels: Object.fromEntries(family.labelNames.map((key, i) => [key, series.labels[i] ?? ""])),
    createdS: isCreated ? series.created : null,
  }));
  return {
    name,
    type,
    help,
    samples: isPlain ? parts : [],
    histograms: isPlain
      ? []
      : parts.map(({ labels, createdS, sum, value, counts }) => {
          const buckets = cumulated(family.bounds, counts);
          const count = type === "summary" ? value : (buckets.at(-1)?.[1] ?? 0);
          return { labels, createdS, sum, count, buckets };
        }),
  };
}

/** Uses a series' value as a summary's count, so the count can be any number. */
export function pythonFamilyOf(family: AnyFamily): PythonFamily {
  return {
    ...family,
    bounds: family.bounds.map(bitsOf),
    series: family.series.map(({ labels, value, sum, counts, created }) => ({
      labels,
      counts,
      value: bitsOf(value),
      count: bitsOf(value),
      sum: bitsOf(sum),
      created: bitsOf(created),
    })),
  };
}

function cumulated(bounds: readonly number[], counts: readonly number[]): [number, number][] {
  let total = 0;
  return [...bounds, Number.POSITIVE_INFINITY].map((bound, i) => {
    total += counts[i] ?? 0;
    return [bound, total];
  });
}
