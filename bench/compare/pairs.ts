// Loads two servers in slices in the order A B B A, so that drift in the machine's speed affects both
// equally. Two pairs make up a quad. Disturbed pairs are discarded and repeated, up to three times the
// planned number.

import { type Quartiles, quartiles } from "../../src/benchmark/statistics.ts";
import { type Disturbance, isDisturbed } from "./disturbance.ts";

/** One slice of one server. */
export interface Observed<S> {
  readonly figure: number;
  readonly slice: S;
  readonly disturbance: Disturbance;
}

export interface Pair<S> {
  readonly a: Observed<S>;
  readonly b: Observed<S>;
  /** A/B if higher is better, otherwise B/A, so a ratio above 1 means that A is better. */
  readonly ratio: number;
  /** Why the pair was discarded; null if it counts. */
  readonly discarded: "other processes used the CPUs" | "the A slices differ" | null;
}

export interface Comparison<S> {
  /** All pairs, in the order they were measured. */
  readonly pairs: readonly Pair<S>[];
  readonly numCounted: number;
  readonly numPlanned: number;
  /** Ratios of the pairs that count, or of all pairs if too few count. */
  readonly ratio: Quartiles;
  /** Whether too few pairs were undisturbed, which makes the ratio inconclusive. */
  readonly gaveUp: boolean;
}

export interface PairsPlan<S> {
  /** Loads one of the servers for a slice. Slices are numbered from 0. */
  readonly observe: (side: "a" | "b", slice: number) => Promise<Observed<S>>;
  readonly numPairs: number;
  readonly better: "higher" | "lower";
  readonly onPair?: (pair: Pair<S>, numCounted: number) => void;
}

/** Largest allowed ratio between the two A slices of a quad. */
const MAX_DRIFT = 1.1;
const GIVE_UP_AFTER = 3;

/** Order of the sides within a quad. */
export const QUAD = ["a", "b", "b", "a"] as const;

export async function inQuads<S>(plan: PairsPlan<S>): Promise<Comparison<S>> {
  const pairs: Pair<S>[] = [];
  let numCounted = 0;
  while (numCounted < plan.numPairs && pairs.length < GIVE_UP_AFTER * plan.numPairs) {
    for (const pair of await quad(plan, 2 * pairs.length)) {
      pairs.push(pair);
      if (pair.discarded === null) numCounted++;
      plan.onPair?.(pair, numCounted);
    }
  }
  const gaveUp = numCounted < plan.numPairs;
  const valid = gaveUp ? pairs : pairs.filter(({ discarded }) => discarded === null);
  const ratio = quartiles(valid.map((pair) => pair.ratio));
  return { pairs, numCounted, numPlanned: plan.numPairs, ratio, gaveUp };
}

async function quad<S>(plan: PairsPlan<S>, firstSlice: number): Promise<Pair<S>[]> {
  const seen: Observed<S>[] = [];
  for (const [i, side] of QUAD.entries()) seen.push(await plan.observe(side, firstSlice + i));
  const [a1, b1, b2, a2] = seen;
  if (a1 === undefined || b1 === undefined || b2 === undefined || a2 === undefined) return [];
  const hasDrifted = Math.max(a1.figure, a2.figure) > MAX_DRIFT * Math.min(a1.figure, a2.figure);
  return [pairOf(a1, b1, plan.better, hasDrifted), pairOf(a2, b2, plan.better, hasDrifted)];
}

function pairOf<S>(
  a: Observed<S>,
  b: Observed<S>,
  better: "higher" | "lower",
  hasDrifted: boolean,
): Pair<S> {
  const ratio = better === "higher" ? a.figure / b.figure : b.figure / a.figure;
  const isBusy = isDisturbed(a.disturbance) || isDisturbed(b.disturbance);
  const reason = hasDrifted ? "the A slices differ" : null;
  return { a, b, ratio, discarded: isBusy ? "other processes used the CPUs" : reason };
}
