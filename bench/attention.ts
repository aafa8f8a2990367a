// Decodes 16 sequences, each with 1,024 tokens of context in shuffled blocks, with Pagoda's attention op and
// with ggml's masked flash attention on the same block layout. The attention time is the step's time minus
// that of an otherwise identical step with only 16 tokens of context.

import { Request } from "../src/request/request.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../src/request/sampling-params.ts";
import type { ModelRunner } from "../src/runner/model-runner.ts";
import type { ScheduledRequest, StepPlan } from "../src/scheduler/scheduler-output.ts";
import { LIMITS, loadRunner } from "./engine.ts";
import { inPairs, median, report, tokensOf } from "./measure.ts";

const NUM_SEQS = 16;
const LONG = 1024;
const SHORT = 16;
const BLOCKS_PER_SEQ = LONG / LIMITS.blockSize + 1;
const NUM_PAIRS = 9;
const STEPS_PER_SLICE = 12;

/** Step times for one backend, in ms. */
interface Slice {
  readonly longMs: number;
  readonly shortMs: number;
}

function decodeOf(sequence: number, context: number): ScheduledRequest {
  const request = new Request({
    externalId: `r${sequence}`,
    requestId: `r${sequence}`,
    promptTokenIds: tokensOf(sequence, context + 1),
    samplingParams: { ...DEFAULT_SAMPLING_PARAMS, temperature: 0 },
    priority: 0,
    arrivalOrder: sequence,
    cacheSalt: null,
    forkOf: null,
    grammar: null,
  });
  const length = Math.floor(context / LIMITS.blockSize) + 1;
  const first = 1 + sequence * BLOCKS_PER_SEQ;
  const blockIds = Int32Array.from({ length }, (_, i) => first + ((i * 37) % BLOCKS_PER_SEQ));
  const part = { request, numComputedTokens: context, numScheduledTokens: 1, blockIds };
  return { ...part, output: "tokens", numDraftTokens: 0, adapterSlot: -1 };
}

function decodePlan(context: number): StepPlan {
  return {
    stepId: 0,
    scheduled: Array.from({ length: NUM_SEQS }, (_, s) => decodeOf(s, context)),
    numScheduledTokens: NUM_SEQS,
    transfers: { copies: [] },
    finishedRequestIds: [],
  };
}

async function stepMs(runner: ModelRunner, plan: StepPlan): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < STEPS_PER_SLICE; i++) times.push((await runner.run(plan)).forwardMs);
  return median(times);
}

export async function attention(): Promise<void> {
  const numBlocks = NUM_SEQS * BLOCKS_PER_SEQ + 1;
  const paged = await loadRunner(numBlocks);
  const ggml = await loadRunner(numBlocks, { attentionBackend: "ggml" });
  const [long, short] = [decodePlan(LONG), decodePlan(SHORT)];
  const slice = async (runner: ModelRunner): Promise<Slice> => ({
    longMs: await stepMs(runner, long),
    shortMs: await stepMs(runner, short),
  });
  const pairs = await inPairs(
    NUM_PAIRS,
    () => slice(ggml),
    () => slice(paged),
  );
  await paged.dispose();
  await ggml.dispose();
  reportPairs(pairs);
}

function reportPairs(pairs: readonly (readonly [Slice, Slice])[]): void {
  const whole = pairs.map(([ggml, paged]) => ggml.longMs / paged.longMs);
  const alone = pairs.map(([ggml, paged]) => growthMs(ggml) / growthMs(paged));
  const longMs = [1, 0].map((i) => median(pairs.map((pair) => pair[i]?.longMs ?? Number.NaN)));
  report("step, ms: paged / ggml", longMs.map((ms) => ms.toFixed(1)).join(" / "));
  report("whole step: ggml's time / Pagoda's time", median(whole).toFixed(2), ">= 1");
  report("attention only: ggml's time / Pagoda's time", median(alone).toFixed(2), ">= 2");
}

const growthMs = ({ longMs, shortMs }: Slice) => longMs - shortMs;
