// A model that stores tokens by slot. It writes (token, position) to the planned slots, reads the whole
// context back through the block table, and derives the next token from what it reads, so a wrong slot, a
// stale shared block, or a missed copy changes the text. Tokens are bytes, plus BOS and EOS.

import { EngineError, RequestError } from "../../src/errors.ts";
import type { ChatTemplateRequest } from "../../src/protocol/chat-template-request.ts";
import type { AdapterInfo, MemoryReport, ModelInfo } from "../../src/protocol/model-info.ts";
import type { PositionLogprobs } from "../../src/request/logprobs.ts";
import { MODEL_DRAFT } from "../../src/request/model-draft.ts";
import type { Request } from "../../src/request/request.ts";
import type { GrammarSpec } from "../../src/request/sampling-params.ts";
import type { ModelRunner } from "../../src/runner/model-runner.ts";
import type { Tokenizer } from "../../src/runner/tokenizer.ts";
import type {
  ScheduledRequest,
  ScheduledResult,
  StepPlan,
  StepResult,
} from "../../src/scheduler/scheduler-output.ts";
import { turn } from "../support/waiting.ts";

export const FAKE_BOS = 256;
export const FAKE_EOS = 257;
const VOCAB_SIZE = 258;

export interface FakeModelOptions {
  readonly numBlocks: number;
  readonly blockSize: number;
  readonly maxModelLen?: number;
  /** Number of event-loop turns that a step takes, so that other tasks can run in the meantime. */
  readonly stepTurns?: number;
  /** Real duration of a step, for tests with sockets and timers. */
  readonly stepDelayMs?: number;
  /** Duration that a step reports; default: the real duration. */
  readonly reportedMs?: (plan: StepPlan) => number;
  /** Tokens that the model can generate; default: lowercase letters and space. */
  readonly alphabet?: string;
  /**
   * Text that the model generates for every request, followed by the end token. By default, it derives its
   * own text.
   */
  readonly answer?: string;
}

/** A tokenizer with one token per byte. Chats are rendered as "role: text" lines. */
export class FakeTokenizer implements Tokenizer {
  readonly vocabSize = VOCAB_SIZE;
  readonly eosTokenIds = [FAKE_EOS];

  async encode(
    text: string,
    addSpecial: boolean,
    _parseSpecial: boolean,
    maxTokens?: number,
  ): Promise<Int32Array> {
    const bytes = new TextEncoder().encode(text);
    const ids = Int32Array.from(addSpecial ? [FAKE_BOS, ...bytes] : bytes);
    return maxTokens === undefined ? ids : ids.slice(0, maxTokens + 1);
  }

  tokenBytes(tokenId: number): Uint8Array {
    if (tokenId === FAKE_BOS) return new TextEncoder().encode("<s>");
    if (tokenId === FAKE_EOS) return new TextEncoder().encode("</s>");
    return Uint8Array.of(tokenId);
  }

  /** Returns a token's text. Bytes are written like SentencePiece's byte tokens. */
  tokenEntry(tokenId: number): string {
    if (tokenId >= FAKE_BOS) return new TextDecoder().decode(this.tokenBytes(tokenId));
    return `<0x${tokenId.toString(16).toUpperCase().padStart(2, "0")}>`;
  }

  isSpecial(tokenId: number): boolean {
    return tokenId >= FAKE_BOS;
  }

  async decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string> {
    const kept = [...tokenIds].filter((id) => id >= 0 && id < VOCAB_SIZE);
    const bytes = kept.filter((id) => !(skipSpecial && this.isSpecial(id)));
    return new TextDecoder().decode(
      Uint8Array.from(bytes.flatMap((id) => [...this.tokenBytes(id)])),
    );
  }

  async renderChat({ json, addGenerationPrompt }: ChatTemplateRequest): Promise<string> {
    const { messages } = JSON.parse(json) as { messages: { role: string; content: unknown }[] };
    const lines = messages.map(({ role, content }) => `${role}: ${textOf(content)}\n`);
    return lines.join("") + (addGenerationPrompt ? "assistant: " : "");
  }

  async encodeChat(request: ChatTemplateRequest, maxTokens?: number) {
    return this.encode(await this.renderChat(request), true, true, maxTokens);
  }
}

function textOf(content: unknown): string {
  const parts = Array.isArray(content) ? content.map((part) => part.text) : [content];
  return parts.map(String).join("\n");
}

/** An entry with the drafts to verify. */
interface DraftedRequest extends ScheduledRequest {
  readonly drafts: readonly number[];
}

/**
 * Runs steps of a model and, for requests whose drafts are MODEL_DRAFT, of a draft model. The draft model has its own
 * slots and predicts what the model generates, except for one token in five.
 */
export class FakeModelRunner implements ModelRunner {
  readonly info: ModelInfo;
  readonly tokenizer = new FakeTokenizer();
  /** Number of steps so far. */
  numSteps = 0;
  failNextStep = false;
  isDisposed = false;
  readonly #blockSize: number;
  readonly #stepTurns: number;
  readonly #stepDelayMs: number;
  readonly #reportedMs: FakeModelOptions["reportedMs"];
  readonly #alphabet: Uint8Array;
  #answer: readonly number[] | null;
  /** [numBlocks * blockSize] int32 each; -1 = never written. */
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  /** The draft model's slots. */
  readonly #draftTokens: Int32Array;

  constructor(options: FakeModelOptions) {
    const { numBlocks, blockSize } = options;
    this.#blockSize = blockSize;
    this.#stepTurns = options.stepTurns ?? 0;
    this.#stepDelayMs = options.stepDelayMs ?? 0;
    this.#reportedMs = options.reportedMs;
    this.#alphabet = new TextEncoder().encode(options.alphabet ?? "abcdefghijklmnopqrstuvwxyz ");
    this.#answer = null;
    if (options.answer !== undefined) this.answers(options.answer);
    this.#tokens = new Int32Array(numBlocks * blockSize).fill(-1);
    this.#positions = new Int32Array(numBlocks * blockSize).fill(-1);
    this.#draftTokens = new Int32Array(numBlocks * blockSize).fill(-1);
    this.info = fakeInfo(options.maxModelLen ?? (numBlocks - 1) * blockSize);
  }

  /** Sets the text that the model generates from now on. */
  answers(text: string): void {
    this.#answer = [...Buffer.from(text)];
  }

  memory(): MemoryReport {
    return { weights: 0, kv: this.#tokens.byteLength, scratch: 0 };
  }

  async run(plan: StepPlan): Promise<StepResult> {
    if (this.sleepLevel > 0) throw new Error("a step on a sleeping model");
    this.numSteps++;
    const start = performance.now();
    const fails = this.failNextStep;
    this.failNextStep = false;
    for (const [source, destination] of plan.transfers.copies) this.#copyBlock(source, destination);
    const entries = plan.scheduled.map((entry) => this.#predict(entry));
    for (const entry of entries) this.#write(entry, fails);
    const results = entries.map((entry) => this.#result(entry));
    for (let i = 0; i < this.#stepTurns; i++) await turn();
    if (this.#stepDelayMs > 0) await Bun.sleep(this.#stepDelayMs); // simulates a slow model
    if (fails) throw new EngineError("engine_step_failed", "the fake step failed");
    const forwardMs = this.#reportedMs?.(plan) ?? performance.now() - start;
    return { results, forwardMs, samplingMs: 0 };
  }

  /** Current level; 0 = awake. Sleeping clears every slot. */
  sleepLevel: 0 | 1 | 2 = 0;
  hasWeights = true;

  /** Texts of grammars that finish compiling only when a test calls `resolve`. */
  readonly slowGrammars = new Map<string, PromiseWithResolvers<void>>();
  /** Texts of all grammars, in order. */
  readonly grammars: string[] = [];

  /** Rejects empty grammars. Other grammars are not enforced. */
  compileGrammar(_sequences: readonly Request[], spec: GrammarSpec): Promise<void> | null {
    this.grammars.push(spec.text);
    if (spec.text !== "") return this.slowGrammars.get(spec.text)?.promise ?? null;
    return Promise.reject(
      new RequestError("invalid_value", `\`${spec.param}\` cannot be enforced: empty`, spec.param),
    );
  }

  /** Adapters by slot; each changes the K and V of the tokens that it applies to. */
  readonly adapters = new Map<number, string>();
  /** Paths of adapters that finish loading only when a test calls `resolve`. */
  readonly slowAdapters = new Map<string, PromiseWithResolvers<void>>();
  /** Paths of all loads, in order. */
  readonly loads: string[] = [];

  /**
   * Refuses "/missing" and paths that begin with "/bad". A path's invocation tokens are the text after "alora:".
   */
  async loadAdapter(path: string, slot: number): Promise<AdapterInfo> {
    this.loads.push(path);
    await this.slowAdapters.get(path)?.promise;
    if (path === "/missing") throw nativeError("adapter_not_found", "no such file");
    if (path.startsWith("/bad")) throw nativeError("adapter_rank", "rank 512 exceeds 16");
    this.adapters.set(slot, path);
    const invocationTokens = [...Buffer.from(path.split("alora:")[1] ?? "")];
    return {
      ...{ name: path, architecture: "fake", rank: 8, alpha: 16, targets: ["attn_q"] },
      ...{ invocationTokens, sizeBytes: 1024 },
    };
  }

  unloadAdapter(slot: number): void {
    this.adapters.delete(slot);
  }

  certainDrafts(): readonly number[] {
    return [];
  }

  /** Allows all drafts, since grammars are not enforced. */
  cutDrafts(_request: Request, tokenIds: readonly number[]): readonly number[] {
    return tokenIds;
  }

  async checkReload(): Promise<void> {}

  async sleep(level: 1 | 2): Promise<void> {
    this.sleepLevel = level > this.sleepLevel ? level : this.sleepLevel;
    this.hasWeights = this.sleepLevel < 2;
    this.#tokens.fill(-1);
    this.#positions.fill(-1);
  }

  async wakeWeights(): Promise<void> {
    this.hasWeights = true;
  }

  async wakeKvCache(): Promise<void> {
    if (!this.hasWeights) throw new Error("the fake model has no weights");
    this.sleepLevel = 0;
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
  }

  #copyBlock(source: number, destination: number): void {
    const size = this.#blockSize;
    for (const array of [this.#tokens, this.#positions, this.#draftTokens]) {
      array.copyWithin(destination * size, source * size, (source + 1) * size);
    }
  }

  /**
   * Computes an entry's part of the draft model's step.
   * @returns the entry with predictions instead of MODEL_DRAFT
   * @throws Error if the draft model has not computed exactly the known tokens
   */
  #predict(entry: ScheduledRequest): DraftedRequest {
    const { request, catchUp, numComputedTokens, numDraftTokens, blockIds } = entry;
    const drafts = request.draftTokenIds.slice(0, numDraftTokens);
    if (catchUp === undefined) {
      if (drafts.includes(MODEL_DRAFT)) throw new Error("drafts without the draft model");
      return { ...entry, drafts };
    }
    const write = (position: number, token: number) => {
      this.#draftTokens[this.#slot(blockIds, position)] = token;
    };
    for (let i = catchUp.start; i < catchUp.end; i++) write(i, request.tokenAt(i));
    const known = request.tokenIds(0, numDraftTokens > 0 ? numComputedTokens + 1 : catchUp.end);
    if (numDraftTokens > 0) write(numComputedTokens, request.tokenAt(numComputedTokens));
    known.forEach((token, i) => {
      if (this.#draftTokens[this.#slot(blockIds, i)] === token) return;
      throw new Error(`${request.requestId}: the draft model lacks position ${i}`);
    });
    const context = [...known];
    const predictions = drafts.map((_, i) => {
      const hash = context.reduce(hashPair, FNV_START) >>> 0;
      const token = (this.#sample(hash, request) + (hash % 5 === 0 ? 1 : 0)) % VOCAB_SIZE;
      if (i + 1 < drafts.length) write(context.length, token);
      context.push(token);
      return token;
    });
    return { ...entry, drafts: predictions };
  }

  /** Writes the entry's tokens to their slots; a failed step writes garbage. */
  #write(entry: DraftedRequest, fails: boolean): void {
    const { request, numComputedTokens, blockIds, drafts } = entry;
    const salt = this.#adapterSalt(entry);
    const known = request.tokenIds(numComputedTokens, endOfKnown(entry));
    [...known, ...drafts].forEach((token, i) => {
      const slot = this.#slot(blockIds, numComputedTokens + i);
      const isAdapted = numComputedTokens + i >= (request.adapterStart ?? 0);
      this.#tokens[slot] = fails ? -1 : token ^ (isAdapted ? salt : 0);
      this.#positions[slot] = fails ? -1 : numComputedTokens + i;
    });
  }

  #adapterSalt({ adapterSlot }: ScheduledRequest): number {
    if (adapterSlot < 0) return 0;
    const path = this.adapters.get(adapterSlot);
    if (path === undefined) throw new Error(`a step uses the empty adapter slot ${adapterSlot}`);
    return Bun.hash.crc32(path) & 0xffff00;
  }

  #result(entry: DraftedRequest): ScheduledResult {
    const promptLogprobs = this.#promptLogprobs(entry);
    const tokenIds = entry.output === "none" ? [] : this.#sampleRows(entry);
    const { logprobs: wanted } = entry.request.samplingParams;
    const hasLogprobs = wanted !== null && tokenIds.length > 0;
    const logprobs = hasLogprobs ? tokenIds.map((tokenId) => position(tokenId, wanted)) : null;
    return {
      tokenIds,
      logprobs,
      pooled: null,
      promptLogprobs,
      isCorrupted: false,
      isRefused: false,
    };
  }

  /** Samples after the last known token and after each draft, up to the first wrong draft. */
  #sampleRows(entry: DraftedRequest): number[] {
    const { drafts, numDraftTokens } = entry;
    const tokenIds: number[] = [];
    for (let i = 0; i <= numDraftTokens; i++) {
      const tokenId = this.#nextToken(entry, endOfKnown(entry) + i);
      tokenIds.push(tokenId);
      if (tokenId !== drafts[i]) break;
    }
    return tokenIds;
  }

  /** @param position position of the token */
  #nextToken(entry: ScheduledRequest, position: number): number {
    const { request } = entry;
    if (this.#answer === null) return this.#sample(this.#contextHash(entry, position), request);
    return this.#answer[position - request.numPromptTokens] ?? FAKE_EOS;
  }

  #promptLogprobs(entry: ScheduledRequest): PositionLogprobs[] | null {
    const { request, numComputedTokens, numScheduledTokens } = entry;
    const wanted = request.samplingParams.promptLogprobs;
    if (wanted === null) return null;
    const end = Math.min(numComputedTokens + numScheduledTokens, request.numPromptTokens - 1);
    const targets = request.tokenIds(numComputedTokens + 1, Math.max(numComputedTokens, end) + 1);
    return Array.from(targets, (tokenId) => position(tokenId, wanted));
  }

  /** FNV-1a hash of the (token, position) pairs read back through the block table. */
  #contextHash({ blockIds }: ScheduledRequest, end: number): number {
    let hash = FNV_START;
    for (let i = 0; i < end; i++) {
      const slot = this.#slot(blockIds, i);
      hash = hashPair(hash, this.#tokens[slot] ?? -1, this.#positions[slot] ?? -1);
    }
    return hash >>> 0;
  }

  #sample(hash: number, request: Request): number {
    const { temperature, seed, allowedTokenIds } = request.samplingParams;
    const salt = temperature === 0 ? 0 : Number((seed ?? 0n) & 0xffffffffn);
    const mixed = Math.imul(hash ^ salt, 0x9e3779b1) >>> 0;
    const banned = bannedTokens(request);
    const choices = [...(allowedTokenIds ?? this.#alphabet)].filter((id) => !banned.has(id));
    return choices[mixed % choices.length] ?? 0;
  }

  #slot(blockIds: Int32Array, position: number): number {
    const blockId = blockIds[Math.floor(position / this.#blockSize)] ?? 0;
    return blockId * this.#blockSize + (position % this.#blockSize);
  }
}

function nativeError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

const FNV_START = 0x811c9dc5;

function hashPair(hash: number, token: number, position: number): number {
  return Math.imul(Math.imul(hash ^ token, 0x01000193) ^ position, 0x01000193);
}

/** Returns the last tokens of those bad words whose other tokens are at the end of the output. */
function bannedTokens(request: Request): Set<number | undefined> {
  const output = request.tokenIds(request.numPromptTokens).join();
  const completed = request.samplingParams.badWords.filter((word) => {
    const start = word.slice(0, -1).join();
    return start === "" || output === start || output.endsWith(`,${start}`);
  });
  return new Set(completed.map((word) => word.at(-1)));
}

/** Returns the position after an entry's known tokens, where its drafts begin. */
function endOfKnown({ numComputedTokens, numScheduledTokens, numDraftTokens }: ScheduledRequest) {
  return numComputedTokens + numScheduledTokens - numDraftTokens;
}

/** Logprobs: -0.5 for the chosen token, then -1, -2, ... for the others, starting with "A". */
function position(tokenId: number, count: number): PositionLogprobs {
  const chosen = { tokenId, logprob: -0.5, rank: 1 };
  const ids = Array.from({ length: VOCAB_SIZE }, (_, i) => (65 + i) % VOCAB_SIZE);
  const others = ids.filter((id) => id !== tokenId);
  const top = [tokenId, ...others].slice(0, count);
  return { chosen, top: top.map((id, i) => ({ tokenId: id, logprob: -i || -0.5, rank: i + 1 })) };
}

function fakeInfo(trainedContextLength: number): ModelInfo {
  return {
    architecture: "fake",
    quantization: "F32",
    name: "fake",
    weightBytes: 0,
    trainedContextLength,
    numLayers: 1,
    kvBytesPerToken: 8,
    lacksPreTokenizer: false,
    vocabSize: VOCAB_SIZE,
    embeddingLength: 1,
    eosTokenIds: [FAKE_EOS],
    fimTokenIds: null,
    addBos: true,
    hasChatTemplate: true,
    slidingWindow: null,
    attentionBackend: "paged",
    weightKernels: "none",
    unpackedTypes: [],
    device: "fake",
    weightsOnDevice: false,
  };
}
