// Generates seeds for requests that do not set one. The seeds are a splitmix64 stream that starts from the engine's own
// seed, so a run with the same arrivals is reproducible.

const MASK = 0xffff_ffff_ffff_ffffn;

export class SeedSource {
  #state: bigint;

  constructor(seed: bigint) {
    this.#state = seed & MASK;
  }

  /** @returns the next 64-bit seed, from splitmix64 as published by Steele, Lea and Flood (2014) */
  next(): bigint {
    this.#state = (this.#state + 0x9e37_79b9_7f4a_7c15n) & MASK;
    let z = this.#state;
    z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & MASK;
    return z ^ (z >> 31n);
  }
}
