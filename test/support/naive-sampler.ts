// The sampler in its simplest form: sort, truncate, draw. It uses double precision, so it can report where a
// choice depends on rounding and either of two results is correct.

import type { StepRow } from "./native-step.ts";

/** Relative tolerance within which float sums over a row can round either way. */
const ROUNDING = 2e-6;

const FLOAT_MAX = 3.4028234663852886e38;

export interface Entry {
  readonly id: number;
  readonly logit: number;
  readonly weight: number;
}

/** The addon's random number for (seed, output index), uniform in [0, 1). */
export function uniform(seed: bigint, outputIndex: number): number {
  const mask = (1n << 64n) - 1n;
  const mix = (z: bigint) => {
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return z ^ (z >> 31n);
  };
  const step = 0x9e3779b97f4a7c15n;
  const z = mix((mix((seed + step) & mask) + step * (BigInt(outputIndex) + 1n)) & mask);
  return Number(z >> 11n) * 2 ** -53;
}

/** Ranks tokens by likelihood, then by id. Logits include bias and penalties. */
export function ranked(logits: Float32Array, temperature: number): Entry[] {
  const scale = Math.fround(1 / Math.max(Math.fround(temperature), Math.fround(0.01)));
  // An infinite logit counts as the largest finite one, to avoid infinity minus infinity.
  const max = Math.min(FLOAT_MAX, Math.max(...logits));
  return Array.from(logits, (logit, id) => {
    const exponent = Math.min(0, Math.fround(Math.fround(logit - max) * scale));
    return { id, logit, weight: exponent > -86.6 ? Math.exp(exponent) : 0 };
  }).sort((a, b) => b.logit - a.logit || a.id - b.id);
}

/** Returns the tokens that top-k, min-p, and top-p keep, or null if the result depends on rounding. */
export function kept(logits: Float32Array, row: StepRow): Entry[] | null {
  const { temperature = 1, topK = 0, topP = 1, minP = 0 } = row;
  const all = ranked(logits, temperature);
  const first = topK > 0 ? all.slice(0, topK) : all;
  const floor = Math.fround(minP);
  if (first.some((entry) => Math.abs(entry.weight - floor) < ROUNDING && entry.weight !== 1)) {
    return null;
  }
  const heavy = first.filter((entry) => entry.weight >= floor);
  return topP < 1 ? nucleus(heavy, Math.fround(topP)) : heavy;
}

function nucleus(entries: readonly Entry[], topP: number): Entry[] | null {
  const need = topP * entries.reduce((sum, entry) => sum + entry.weight, 0);
  let mass = 0;
  for (let i = 0; i < entries.length; i++) {
    mass += entries[i]?.weight ?? 0;
    if (Math.abs(mass - need) < ROUNDING * need) return null;
    if (mass >= need) return entries.slice(0, i + 1);
  }
  return [...entries];
}

/**
 * Draws from the entries. @returns the tokens that a random number in [0, 1) selects: one, or more
 * if it is on the border between them
 */
export function drawer(entries: readonly Entry[]): (u: number) => number[] {
  const byId = entries.filter((entry) => entry.weight > 0).sort((a, b) => a.id - b.id);
  /** Cumulative weight before each entry, and after the last. */
  const bounds = new Float64Array(byId.length + 1);
  byId.forEach(({ weight }, i) => {
    bounds[i + 1] = (bounds[i] ?? 0) + weight;
  });
  const total = bounds[byId.length] ?? 0;
  const slack = ROUNDING * total;
  return (u) => {
    const first = bounds.findIndex((bound) => bound > u * total - slack) - 1;
    const end = bounds.findIndex((bound) => bound > u * total + slack);
    return byId.slice(Math.max(0, first), end < 0 ? undefined : end).map((entry) => entry.id);
  };
}
