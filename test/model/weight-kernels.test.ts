// Packed weights compared with ggml's plain kernels on the real model, with the same attention. For the same
// text, both have the same perplexity, nearly the same distributions, and mostly the same most likely token.
// Differences are due to rounding: both quantize activations to 8 bits, but in different ways.

import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_MODEL_FILE } from "../../src/models/default-model.ts";
import type { PositionLogprobs } from "../../src/request/logprobs.ts";
import type { WeightKernels } from "../../src/runner/addon-types.ts";
import { NativeModelRunner } from "../../src/runner/native-model-runner.ts";
import { runStep } from "../support/drive.ts";
import { makeRequest } from "../support/make-request.ts";
import { loadOptions } from "../support/tiny-model.ts";

const ROOT = join(import.meta.dir, "../..");
const PATH = join(ROOT, "models", DEFAULT_MODEL_FILE.name);
/** Fixed text of about 2,000 tokens. */
const TEXT = readFileSync(join(ROOT, "LICENSE"), "utf8").slice(0, 11_000);
const WINDOW = 500;
const NUM_TOP = 20;
/** Size in Q8_0: 49,152 rows of 18 blocks of 34 bytes. */
const HEAD_BYTES = 49_152 * 18 * 34;
/** Copy of the upper five bits of each code, from which greedy steps bound the logits. */
const PLANE_BYTES = (49_152 * 576 * 5) / 8;
const BLOCK_IDS = Array.from({ length: 32 }, (_, i) => i + 1);

interface Score {
  readonly positions: readonly PositionLogprobs[];
  /** Kernels in use; also "ggml" if Pagoda's kernels do not support the CPU. */
  readonly kernels: string;
  readonly weightBytes: number;
}

async function score(weightKernels: WeightKernels): Promise<Score> {
  const limits = { maxNumBatchedTokens: 512, maxModelLen: 1024 };
  const runner = await NativeModelRunner.load(loadOptions(PATH, { weightKernels, ...limits }));
  const ids = [...(await runner.tokenizer.encode(TEXT, true, false))];
  const all: PositionLogprobs[] = [];
  for (let at = 0; at + WINDOW <= ids.length; at += WINDOW) {
    const prompt = ids.slice(at, at + WINDOW);
    const request = makeRequest(`w${at}`, prompt, { params: { promptLogprobs: NUM_TOP } });
    const { results } = await runStep(runner, [{ request, blocks: BLOCK_IDS }], 16);
    all.push(...(results[0]?.promptLogprobs ?? []));
  }
  const { weights: weightBytes } = runner.memory();
  await runner.dispose();
  return { positions: all, kernels: runner.info.weightKernels, weightBytes };
}

function perplexity(positions: readonly PositionLogprobs[]): number {
  const sum = positions.reduce((total, { chosen }) => total - chosen.logprob, 0);
  return Math.exp(sum / positions.length);
}

/** KL divergence over the most likely tokens in both lists; all other tokens count as a single one. */
function divergence(reference: PositionLogprobs, other: PositionLogprobs): number {
  const theirs = new Map(other.top.map(({ tokenId, logprob }) => [tokenId, logprob]));
  let [sum, restP, restQ] = [0, 1, 1];
  for (const { tokenId, logprob } of reference.top) {
    const q = theirs.get(tokenId);
    if (q === undefined) continue;
    sum += Math.exp(logprob) * (logprob - q);
    restP -= Math.exp(logprob);
    restQ -= Math.exp(q);
  }
  return restP > 0 && restQ > 0 ? sum + restP * Math.log(restP / restQ) : sum;
}

describe("packed weights", () => {
  const none: Score = { positions: [], kernels: "", weightBytes: 0 };
  let [ofPacked, ofPlain] = [none, none];

  beforeAll(async () => {
    ofPacked = await score("packed");
    ofPlain = await score("ggml");
  }, 300_000);

  test("allocate a copy of the tied head and its five-bit codes and report that memory", () => {
    const copyBytes = ofPacked.kernels === "ggml" ? 0 : HEAD_BYTES + PLANE_BYTES;
    const more = ofPacked.weightBytes - ofPlain.weightBytes;
    expect(Math.abs(more - copyBytes)).toBeLessThan(100_000);
    expect(Math.abs(ofPlain.weightBytes - DEFAULT_MODEL_FILE.bytes)).toBeLessThan(5_000_000);
  });

  test("have the same perplexity, within half a percent", () => {
    const [packed, plain] = [ofPacked.positions, ofPlain.positions];
    const ratio = perplexity(packed) / perplexity(plain);
    console.log(`${packed.length} tokens, perplexity ${perplexity(plain).toFixed(3)} x ${ratio}`);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.005);
  });

  test("have nearly the same distributions and most likely tokens", () => {
    const [packed, plain] = [ofPacked.positions, ofPlain.positions];
    const total = plain.reduce((sum, at, i) => sum + divergence(at, packed[i] ?? at), 0);
    const same = plain.filter((at, i) => at.top[0]?.tokenId === packed[i]?.top[0]?.tokenId);
    const share = same.length / plain.length;
    console.log(
      `divergence ${(total / plain.length).toFixed(5)} nats, same most likely token ${share}`,
    );
    expect(total / plain.length).toBeLessThan(0.005);
    expect(share).toBeGreaterThanOrEqual(0.95);
  });
});
