// Measures the cost of residency sampling. The sampling is too small a part of a step's bookkeeping to
// measure directly. Instead, the time to allocate, hit and free one block is measured alternately with and
// without sampling, and the difference is compared with the bookkeeping time of a step.

import { BlockPool } from "../src/kvcache/block-pool.ts";
import { BlockResidency } from "../src/kvcache/block-residency.ts";
import { stepCostUs } from "./bookkeeping.ts";
import { LIMITS } from "./engine.ts";
import { inPairs, median, report } from "./measure.ts";

const SAMPLE_RATE = 0.01;
const NUM_SEQS = 16;
const NUM_BLOCKS = 4097;
const BLOCKS_PER_SLICE = 200_000;
const NUM_PAIRS = 21;

/**
 * Returns ns per block, where each block is allocated (which evicts its old contents), hit once and freed
 * twice.
 */
async function blockCostNs(pool: BlockPool, residency: BlockResidency | null): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < BLOCKS_PER_SLICE; i++) {
    const blockId = pool.allocate() ?? 0;
    pool.touch(blockId);
    for (let owner = 0; owner < 2; owner++) pool.free(blockId);
  }
  residency?.take();
  return ((performance.now() - startMs) * 1e6) / BLOCKS_PER_SLICE;
}

export async function residency(): Promise<void> {
  const sampler = new BlockResidency({
    sampleRate: SAMPLE_RATE,
    nowS: () => performance.now() / 1000,
    random: Math.random,
  });
  const plain = new BlockPool(NUM_BLOCKS);
  const sampled = new BlockPool(NUM_BLOCKS, sampler);
  const pairs = await inPairs(
    NUM_PAIRS,
    () => blockCostNs(plain, null),
    () => blockCostNs(sampled, sampler),
  );
  const plainNs = median(pairs.map(([without]) => without));
  const addedNs = median(pairs.map(([without, with_]) => with_ - without));
  const stepUs = await stepCostUs(NUM_SEQS);
  const share = ((NUM_SEQS / LIMITS.blockSize) * addedNs) / 1000 / stepUs;
  report("ns per block, not sampled", plainNs.toFixed(0));
  report(`extra ns per block with sampling at ${SAMPLE_RATE}`, addedNs.toFixed(0));
  report(
    `share of a step's bookkeeping, ${NUM_SEQS} sequences`,
    `${(100 * share).toFixed(3)}%`,
    "< 1%",
  );
}
