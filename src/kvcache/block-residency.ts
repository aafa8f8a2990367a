// How long blocks live and when they are hit, from a random sample of allocations; the rules are those
// of vLLM's --kv-cache-metrics. Clock and random source come from outside: policy has neither.

import { assert } from "../assert.ts";
import type { BlockEviction } from "../protocol/stats.ts";

export interface BlockResidencyOptions {
  /** Share of allocations that are sampled, (0, 1]. */
  readonly sampleRate: number;
  /** Monotonic. */
  readonly nowS: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

interface Sample {
  readonly allocatedS: number;
  /** The latest MAX_ACCESSES, oldest first. The allocation is not one. */
  readonly accessesS: number[];
}

const MAX_ACCESSES = 4;

export class BlockResidency {
  readonly #options: BlockResidencyOptions;
  /** By block id; only sampled blocks have an entry. */
  readonly #samples = new Map<number, Sample>();
  #evictions: BlockEviction[] = [];

  constructor(options: BlockResidencyOptions) {
    const { sampleRate } = options;
    const isShare = sampleRate > 0 && sampleRate <= 1;
    assert(isShare, () => `sample_rate must be in (0, 1.0], got ${sampleRate}`);
    this.#options = options;
  }

  /** The block was handed out; what it was before has been evicted. */
  allocate(blockId: number): void {
    const { sampleRate, nowS, random } = this.#options;
    if (random() >= sampleRate) return;
    assert(
      !this.#samples.has(blockId),
      () => `block ${blockId} is allocated before it was evicted`,
    );
    this.#samples.set(blockId, { allocatedS: nowS(), accessesS: [] });
  }

  /** A prefix hit took a reference. */
  touch(blockId: number): void {
    const accessesS = this.#samples.get(blockId)?.accessesS;
    if (accessesS === undefined) return;
    accessesS.push(this.#options.nowS());
    if (accessesS.length > MAX_ACCESSES) accessesS.shift();
  }

  /** What the block holds is gone. Being free is not: a free block can still be hit. */
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

  /** Forgets everything, observed or not: blocks that an operator drops were not evicted by need. */
  reset(): void {
    this.#samples.clear();
    this.#evictions = [];
  }

  /** Evictions since the last call, in order. */
  take(): readonly BlockEviction[] {
    const taken = this.#evictions;
    this.#evictions = [];
    return taken;
  }
}

function gapsOf(timesS: readonly number[]): number[] {
  return timesS.slice(1).map((timeS, i) => timeS - (timesS[i] ?? timeS));
}
