// Generates prompts from fixed seeds, as text or as token IDs that are ordinary tokens in every benchmarked model.

/** Creates a mulberry32 generator with a uniform distribution in [0, 1). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Draws token IDs from [1000, 41000), which is past the special tokens and within every vocabulary in use. */
export function promptIds(seed: number, length: number): number[] {
  const random = randomOf(seed);
  return Array.from({ length }, () => 1000 + Math.floor(random() * 40_000));
}

const WORDS = (
  "time year people way day man thing woman life child world school state family student " +
  "group country problem hand part place case week company system program question work number night " +
  "point home water room mother area money story fact month lot right study book eye job word business " +
  "issue side kind head house service friend father power hour game line end member law car city"
).split(" ");

/** @returns `length` words, most of which are one token each */
export function promptText(seed: number, length: number): string {
  const random = randomOf(seed);
  return Array.from({ length }, () => WORDS[Math.floor(random() * WORDS.length)]).join(" ");
}

/** Draws from an exponential distribution with the given mean. */
export const exponential = (random: () => number, mean: number) => -mean * Math.log(1 - random());

/**
 * Draws from a gamma distribution with mean 1 (Marsaglia and Tsang). A `shape` of 1 yields Poisson arrivals; a
 * smaller shape yields bursts.
 */
export function gammaOfMeanOne(random: () => number, shape: number): number {
  if (shape < 1) {
    const more = gammaOfMeanOne(random, shape + 1) * (shape + 1);
    return (more * random() ** (1 / shape)) / shape;
  }
  const d = shape - 1 / 3;
  for (;;) {
    const x = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    const isTaken = v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v);
    if (isTaken) return (d * v) / shape;
  }
}
