// Converts a protocol request to the scheduler's input: the prompt as token IDs, and a Request for each of the n
// sequences.

import { checkCountedIds, maxCountedTokens } from "../protocol/prompt-limits.ts";
import type { EngineInfo, EngineRequest, Prompt } from "../protocol/protocol.ts";
import { Request } from "../request/request.ts";
import type { CompiledGrammar, SamplingParams } from "../request/sampling-params.ts";
import type { Tokenizer } from "../runner/tokenizer.ts";
import type { SeedSource } from "./seed-source.ts";

/**
 * Tokenizes a prompt.
 * @throws RequestError "invalid_value" with the chat template's error, or "context_length" as soon as the prompt is
 * known to have far too many tokens
 */
export async function tokenIdsOf(
  tokenizer: Tokenizer,
  prompt: Exclude<Prompt, Int32Array>,
  info: EngineInfo,
): Promise<Int32Array> {
  const maxTokens = maxCountedTokens(info);
  const ids =
    "text" in prompt
      ? await tokenizer.encode(prompt.text, prompt.addSpecial, true, maxTokens)
      : await tokenizer.encodeChat(prompt.chat, maxTokens);
  return checkCountedIds(info, ids);
}

/**
 * Tokenizes the output that a client expects. Markers of special tokens in it are treated as text.
 * @returns as many tokens as the context can hold; null if nothing is expected
 */
export async function predictionIdsOf(
  tokenizer: Tokenizer,
  { prediction = "" }: EngineRequest,
  { maxModelLen }: EngineInfo,
): Promise<Int32Array | null> {
  if (prediction === "") return null;
  const ids = await tokenizer.encode(prediction, false, false, maxModelLen);
  return ids.subarray(0, maxModelLen);
}

export interface SequencesInit {
  readonly request: EngineRequest;
  readonly promptTokenIds: Int32Array;
  /** Output that the client expects; null = unknown. */
  readonly predictionTokenIds: Int32Array | null;
  /** Maximum number of output tokens, already limited to what fits in the context. */
  readonly maxTokens: number;
  /** Arrival order of the first sequence. */
  readonly arrivalOrder: number;
  /** Source of seeds for requests that do not set one. */
  readonly seeds: SeedSource;
  readonly grammar: CompiledGrammar | null;
}

/** Creates n sequences. The first one computes the prompt and its log-probabilities; the others share its blocks. */
export function sequencesOf(init: SequencesInit): Request[] {
  const { request, promptTokenIds, maxTokens, arrivalOrder, seeds, grammar } = init;
  const { predictionTokenIds } = init;
  const { externalId, requestIds, samplingParams, priority, cacheSalt, adapter = null } = request;
  const sequences: Request[] = [];
  for (const [index, requestId] of requestIds.entries()) {
    const params = { ...paramsOf(samplingParams, index, seeds), maxTokens };
    const forkOf = sequences[0] ?? null;
    sequences.push(
      new Request({
        ...{ externalId, requestId, promptTokenIds, samplingParams: params, priority, cacheSalt },
        ...{ forkOf, grammar, predictionTokenIds, adapter },
        arrivalOrder: arrivalOrder + index,
      }),
    );
  }
  return sequences;
}

function paramsOf(params: SamplingParams, index: number, seeds: SeedSource): SamplingParams {
  const seed = params.seed === null ? seeds.next() : params.seed + BigInt(index);
  return { ...params, n: 1, seed, promptLogprobs: index === 0 ? params.promptLogprobs : null };
}
