// Measures block lifetimes and hits for a random sample of allocations, following the rules of vLLM's
// --kv-cache-metrics. The clock and the random source are injected, because policy code has neither.

import { assert } from "../assert.ts";
import type { BlockEviction } from "../protocol/stats.ts";

export interface BlockResidencyOptions {
  /** Fraction of allocations to sample, in (0, 1]. */
  readonly sampleRate: number;
  /** Monotonic clock. */
  readonly nowS: () => number;
  /** Returns a uniform random number in [0, 1). */
  readonly random: () => number;
}

interface Sample {
  readonly allocatedS: number;
  /** The latest MAX_ACCESSES accesses, oldest first, not counting the allocation. */
  readonly accessesS: number[];
}

const MAX_ACCESSES = 4;

export class BlockResidency {
  readonly #options: BlockResidencyOptions;
  /** Samples by block ID, only for sampled blocks. */
  readonly #samples = new Map<number, Sample>();
  #evictions: BlockEviction[] = [];

  constructor(options: BlockResidencyOptions) {
    const { sampleRate } = options;
    const isShare = sampleRate > 0 && sampleRate <= 1;
    assert(isShare, () => `sample_rate must be in (0, 1.0], got ${sampleRate}`);
    this.#options = options;
  }

  /** Records an allocation. The block's previous content must have been evicted. */
  allocate(blockId: number): void {
    const { sampleRate, nowS, random } = this.#options;
    if (random() >= sampleRate) return;
    assert(!this.#samples.has(blockId), () => `block ${blockId} is allocated without an eviction`);
    this.#samples.set(blockId, { allocatedS: nowS(), accessesS: [] });
  }

  /** Records a prefix hit. */
  touch(blockId: number): void {
    const accessesS = this.#samples.get(blockId)?.accessesS;
    if (accessesS === undefined) return;
    accessesS.push(this.#options.nowS());
    if (accessesS.length > MAX_ACCESSES) accessesS.shift();
  }

  /** Records that a block's content is gone. A block that is merely free can still be hit. */
  evict(blockId: number): void {
    const sample = this.#samples.get(blockId);
    if (sample === undefined) return;
    this.#samples.delete(blockId);
    const nowS = this.#options.nowS();
    const { allocatedS, accessesS } = sample;
    this.#evictions.push({
      lifetimeS: nowS - allocatedS,
      idleS: nowS - (accessesS.at(-1) ?? allocatedS),
      reuseGapsS: gapsOf(accessesS),
    });
  }

  /** Drops all samples. Blocks that an operator discards do not count as evictions. */
  reset(): void {
    this.#samples.clear();
    this.#evictions = [];
  }

  /** @returns the evictions since the last call, in order */
  take(): readonly BlockEviction[] {
    const taken = this.#evictions;
    this.#evictions = [];
    return taken;
  }
}

function gapsOf(timesS: readonly number[]): number[] {
  return timesS.slice(1).map((timeS, i) => timeS - (timesS[i] ?? timeS));
}
