// What a step costs outside the forward pass: plan, pack, unpack, update, text, routing to the readers.
// The pass itself is replaced by writing a token a row.

import { OutputProcessor } from "../src/engine/output-processor.ts";
import { StepPacker } from "../src/runner/step-batch.ts";
import { makeRequest, makeScheduler, median, report, tokensOf } from "./measure.ts";

const NUM_STEPS = 600;
const LIMITS = { blockSize: 16, maxNumSeqs: 128, maxNumBatchedTokens: 512, maxModelLen: 4096 };

const letters = Array.from({ length: 49_152 }, (_, i) => new TextEncoder().encode(` w${i % 100}`));
const tokenizer = {
  tokenBytes: (id: number) => letters[id] ?? new Uint8Array(0),
  isSpecial: () => false,
};

/** Median µs of a decode step of `numSeqs` sequences. */
function stepCostUs(numSeqs: number): number {
  const scheduler = makeScheduler(numSeqs * 80 + 1, { maxNumSeqs: 128 });
  const packer = new StepPacker(LIMITS);
  const processor = new OutputProcessor(tokenizer);
  for (let i = 0; i < numSeqs; i++) {
    const request = makeRequest(tokensOf(i, 64), 1000);
    processor.add(request, 0);
    scheduler.add(request);
  }
  const costs: number[] = [];
  for (let step = 0; step < NUM_STEPS; step++) {
    const start = performance.now();
    const plan = scheduler.schedule();
    for (const { request } of plan.scheduled) processor.markScheduled(request, start);
    packer.pack(plan, () => 0);
    packer.output.tokenIds.fill(5000 + step);
    for (const token of scheduler.update(plan, packer.unpack(plan)))
      processor.process(token, start);
    scheduler.takeStats();
    costs.push((performance.now() - start) * 1000);
  }
  return median(costs.slice(NUM_STEPS / 2));
}

export async function bookkeeping(): Promise<void> {
  stepCostUs(16);
  const [one, sixteen, many] = [stepCostUs(1), stepCostUs(16), stepCostUs(128)];
  const perSequence = (many - one) / 127;
  report("fixed, µs a step", (one - perSequence).toFixed(1), "<= 25");
  report("per running sequence, µs a step", perSequence.toFixed(2), "<= 11");
  report("cost of 128 sequences / cost of 16", (many / sixteen).toFixed(1), "<= 9");
}
