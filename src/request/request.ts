// One sequence in the engine: its tokens, counters, block hashes and status. The engine creates it. The scheduler
// writes the counters and the status, kvcache writes the hashes, and a proposer writes the draft tokens. Its block
// table belongs to the KV cache manager, and its sampler state to the runner.

import { assert } from "../assert.ts";
import type { Integer } from "../json.ts";
import type { AdapterRef } from "./adapter.ts";
import { BlockHashes } from "./block-hashes.ts";
import { isFinished, type RequestStatus, TRANSITIONS } from "./request-status.ts";
import type { CompiledGrammar, SamplingParams } from "./sampling-params.ts";

export interface RequestInit {
  /** Id known to the client, for logs; requests can share it. */
  readonly externalId: string;
  /** Unique among live requests. */
  readonly requestId: string;
  /** Tokens of the prompt, [promptLength] int32; at least one. */
  readonly promptTokenIds: Int32Array;
  readonly samplingParams: SamplingParams;
  /** Smaller values run first under the priority policy. */
  readonly priority: Integer;
  /** Order of arrival, strictly increasing over the engine's lifetime. Breaks priority ties. */
  readonly arrivalOrder: number;
  /** Isolates cached prefixes, as the first extra key of the first block's hash. */
  readonly cacheSalt: string | null;
  /**
   * Request whose prompt blocks this one shares once they are computed (n > 1). It has the same prompt and was
   * added earlier.
   */
  readonly forkOf: Request | null;
  /** Grammar of the output, shared by the n sequences; null = none. */
  readonly grammar: CompiledGrammar | null;
  /** Output that the client expects, which the n sequences share; absent or null = unknown. */
  readonly predictionTokenIds?: Int32Array | null;
  /** LoRA adapter that the n sequences share; absent or null = the base model. */
  readonly adapter?: AdapterRef | null;
}

const NO_TOKENS: readonly number[] = [];

export class Request {
  readonly externalId: string;
  readonly requestId: string;
  readonly samplingParams: SamplingParams;
  readonly priority: Integer;
  readonly arrivalOrder: number;
  readonly cacheSalt: string | null;
  readonly forkOf: Request | null;
  readonly grammar: CompiledGrammar | null;
  readonly predictionTokenIds: Int32Array | null;
  readonly adapter: AdapterRef | null;
  readonly numPromptTokens: number;
  /** Halves of the seed, uint32, since bigint arithmetic in every step is measurably slow. 0 = no seed. */
  readonly seedLow: number;
  readonly seedHigh: number;

  /** Number of tokens whose K/V is in the cache: positions [0, numComputedTokens). */
  numComputedTokens = 0;
  /** Prompt tokens found in the prefix cache at the first admission; null = not admitted yet. */
  numCachedTokens: number | null = null;
  numPreemptions = 0;
  /** First position that the adapter applies to; null until the adapter has been loaded, or if there is none. */
  adapterStart: number | null = null;
  /** Output tokens that were not sampled: the sampler's state has not seen them. */
  numForcedTokens = 0;
  /**
   * Tokens that a proposer predicts after the known tokens. A step can verify the first few of them; appending a
   * token makes all of them stale.
   */
  draftTokenIds: readonly number[] = NO_TOKENS;
  /** Whether the draft tokens come from the client's prediction. */
  isDraftPrediction = false;
  /** Whether the draft tokens are certain to be accepted, because the grammar leaves no choice about them. */
  isDraftCertain = false;
  /** Drafts from the client's prediction that were verified, including those after a stop. */
  numAcceptedPredictionTokens = 0;
  numRejectedPredictionTokens = 0;
  /** SHA-256 of each full block in order, computed once as tokens arrive. */
  readonly blockHashes = new BlockHashes();

  #status: RequestStatus = "WAITING";
  /** Prompt tokens, then output tokens; [0, numTokens) are used. Grows by doubling. */
  #tokenIds: Int32Array;
  #numTokens: number;

  constructor(init: RequestInit) {
    assert(init.promptTokenIds.length > 0, "a request needs at least one prompt token");
    this.externalId = init.externalId;
    this.requestId = init.requestId;
    this.samplingParams = init.samplingParams;
    this.priority = init.priority;
    this.arrivalOrder = init.arrivalOrder;
    this.cacheSalt = init.cacheSalt;
    this.forkOf = init.forkOf;
    this.grammar = init.grammar;
    this.predictionTokenIds = init.predictionTokenIds ?? null;
    this.adapter = init.adapter ?? null;
    this.numPromptTokens = init.promptTokenIds.length;
    const seed = BigInt.asUintN(64, init.samplingParams.seed ?? 0n);
    this.seedLow = Number(seed & 0xffffffffn);
    this.seedHigh = Number(seed >> 32n);
    this.#tokenIds = Int32Array.from(init.promptTokenIds);
    this.#numTokens = this.numPromptTokens;
  }

  get status(): RequestStatus {
    return this.#status;
  }

  get isFinished(): boolean {
    return isFinished(this.#status);
  }

  /** Prompt plus generated tokens. */
  get numTokens(): number {
    return this.#numTokens;
  }

  get numOutputTokens(): number {
    return this.#numTokens - this.numPromptTokens;
  }

  tokenAt(position: number): number {
    assert(0 <= position && position < this.#numTokens, "no token at the position");
    return this.#tokenIds[position] ?? 0;
  }

  /** @returns a view of the tokens [start, end), valid until the next append */
  tokenIds(start = 0, end = this.#numTokens): Int32Array {
    assert(0 <= start && start <= end && end <= this.#numTokens, "token range out of bounds");
    return this.#tokenIds.subarray(start, end);
  }

  appendOutputToken(tokenId: number): void {
    assert(!this.isFinished, () => `${this.externalId}: token after finish`);
    if (this.#numTokens === this.#tokenIds.length) this.#grow();
    this.#tokenIds[this.#numTokens++] = tokenId;
    this.dropDraft();
  }

  dropDraft(): void {
    this.draftTokenIds = NO_TOKENS;
    this.isDraftPrediction = false;
    this.isDraftCertain = false;
  }

  /** Changes the status. Asserts that TRANSITIONS allows it. */
  transition(to: RequestStatus): void {
    const from = this.#status;
    assert(
      TRANSITIONS[from].includes(to),
      () => `${this.externalId}: ${from} -> ${to} is not allowed`,
    );
    this.#status = to;
  }

  #grow(): void {
    const grown = new Int32Array(this.#tokenIds.length * 2);
    grown.set(this.#tokenIds);
    this.#tokenIds = grown;
  }
}
