// Counts that need no clock: how much of shared prompts is computed, and what preemption costs.

import type { Request } from "../src/request/request.ts";
import { loadRunner, makeRequest, makeScheduler, report, runAll, tokensOf } from "./measure.ts";

/** 16 requests at once: 1,024 tokens in common and 32 of their own, 32 generated. */
export async function sharedPrefix(): Promise<void> {
  const numBlocks = 1025;
  const runner = await loadRunner({ numBlocks });
  const prefix = tokensOf(1, 1024);
  const requests = Array.from({ length: 16 }, (_, i) =>
    makeRequest([...prefix, ...tokensOf(100 + i, 32)], 32),
  );
  const { numComputedTokens } = await runAll(runner, makeScheduler(numBlocks), requests);
  await runner.dispose();
  const numPromptTokens = requests.reduce((sum, request) => sum + request.numPromptTokens, 0);
  const numDecoded = requests.reduce((sum, request) => sum + request.numOutputTokens - 1, 0);
  const share = (numComputedTokens - numDecoded) / numPromptTokens;
  report("computed prompt tokens / sum of prompts", share.toFixed(4), "<= 0.1667");
}

const makeOvercommit = () =>
  Array.from({ length: 8 }, (_, i) => makeRequest(tokensOf(i, 256), 512, { logprobs: 2 }));

/** 8 requests of 256 + 512 tokens in a pool of 4,096 tokens, against a pool that holds them all. */
export async function overcommit(): Promise<void> {
  const [small, large] = [257, 513];
  const runner = await loadRunner({ numBlocks: large });
  const free = makeOvercommit();
  const tight = makeOvercommit();
  const unlimited = await runAll(runner, makeScheduler(large), free);
  const limited = await runAll(runner, makeScheduler(small), tight);
  await runner.dispose();
  const numPreemptions = tight.reduce((sum, request) => sum + request.numPreemptions, 0);
  const numEqual = tight.filter((request, i) => isEqual(request, free[i])).length;
  report("preemptions", String(numPreemptions), "> 0");
  report("answers of full length", `${tight.filter(isWhole).length} of 8`, "8 of 8");
  report(
    "answers equal to those of the large pool to the end",
    `${numEqual} of 8`,
    "8 of 8 or near ties",
  );
  const speed = unlimited.seconds / limited.seconds;
  report("tokens/s, small pool / large pool", speed.toFixed(2), ">= 0.7");
  const again =
    (limited.numComputedTokens - unlimited.numComputedTokens) / limited.numComputedTokens;
  report("share of computed tokens computed again", again.toFixed(3), "<= 0.15");
}

const isWhole = (request: Request) => request.numOutputTokens === 512;

function isEqual(a: Request, b: Request | undefined): boolean {
  return b !== undefined && a.tokenIds().every((id, i) => id === b.tokenIds()[i]);
}
