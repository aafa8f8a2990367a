// Decode of 16 sequences with 1,024 tokens of context each: our op against ggml's flash attention with a
// mask over the same placement. Attention alone is the step's growth from a context of 16 tokens.

import type { NativeModelRunner } from "../src/runner/native-model-runner.ts";
import type { StepPlan } from "../src/scheduler/scheduler-output.ts";
import { BLOCK_SIZE, loadRunner, makeRequest, median, report, tokensOf } from "./measure.ts";

const NUM_SEQS = 16;
const LONG = 1024;
const SHORT = 16;
const NUM_PAIRS = 9;
const STEPS_PER_SLICE = 12;

/** A decode step of all sequences at one context length; blocks in shuffled order. */
function decodePlan(context: number): StepPlan {
  const blocksPerSeq = LONG / BLOCK_SIZE + 1;
  const scheduled = Array.from({ length: NUM_SEQS }, (_, s) => ({
    request: makeRequest(tokensOf(s, context + 1), 4),
    numComputedTokens: context,
    numScheduledTokens: 1,
    blockIds: Int32Array.from(
      { length: Math.floor(context / BLOCK_SIZE) + 1 },
      (_, i) => 1 + s * blocksPerSeq + ((i * 37) % blocksPerSeq),
    ),
    samples: true,
  }));
  return {
    stepId: 0,
    scheduled,
    numScheduledTokens: NUM_SEQS,
    blockCopies: [],
    preempted: [],
    finishedRequestIds: [],
  };
}

async function sliceMs(runner: NativeModelRunner, context: number): Promise<number> {
  const plan = decodePlan(context);
  const times: number[] = [];
  for (let i = 0; i < STEPS_PER_SLICE; i++) times.push((await runner.run(plan)).forwardMs);
  return median(times);
}

export async function attention(): Promise<void> {
  const numBlocks = NUM_SEQS * (LONG / BLOCK_SIZE + 1) + 1;
  const paged = await loadRunner({ numBlocks, attentionBackend: "paged" });
  const ggml = await loadRunner({ numBlocks, attentionBackend: "ggml" });
  const whole: number[] = [];
  const alone: number[] = [];
  const shown = { paged: 0, ggml: 0 };
  for (let pair = 0; pair < NUM_PAIRS; pair++) {
    const order = pair % 2 === 0 ? [paged, ggml] : [ggml, paged];
    const long = new Map<NativeModelRunner, number>();
    const short = new Map<NativeModelRunner, number>();
    for (const runner of order) {
      long.set(runner, await sliceMs(runner, LONG));
      short.set(runner, await sliceMs(runner, SHORT));
    }
    const of = (map: Map<NativeModelRunner, number>, runner: NativeModelRunner) =>
      map.get(runner) ?? Number.NaN;
    shown.paged = of(long, paged);
    shown.ggml = of(long, ggml);
    whole.push(of(long, ggml) / of(long, paged));
    alone.push((of(long, ggml) - of(short, ggml)) / (of(long, paged) - of(short, paged)));
  }
  await paged.dispose();
  await ggml.dispose();
  const steps = `${shown.paged.toFixed(1)} / ${shown.ggml.toFixed(1)}`;
  report("last step, ms: paged / ggml", steps, "");
  report("whole step: time of ggml's / time of ours", median(whole).toFixed(2), ">= 1");
  report("attention alone: time of ggml's / time of ours", median(alone).toFixed(2), ">= 2");
}
