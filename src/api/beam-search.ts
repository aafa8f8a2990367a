// Beam search as rounds of one-token requests, as in vLLM. The engine needs no support for beams, since the prefix
// cache shares their blocks. The result arrives at the end, as one output per beam.

import { RequestError } from "../errors.ts";
import type { Reservation } from "../front/admission.ts";
import type { Front } from "../front/front.ts";
import type { FrontRequest, OutputStream, SequenceOutput } from "../front/output-stream.ts";
import { fitMaxTokens } from "../protocol/prompt-limits.ts";
import type { RequestOutput } from "../protocol/protocol.ts";
import type { DecodedLogprob } from "../request/logprobs.ts";
import {
  type Beam,
  type BeamRules,
  bestBeams,
  EMPTY_BEAM,
  extensions,
  positionsOf,
} from "./beams.ts";
import { abortAll } from "./output-streams.ts";
import type { SamplingBody } from "./schemas.ts";

/** Fields that a beam search cannot honor, since it neither samples nor checks text. */
const EXCLUDED = [
  ...["stop", "bad_words", "logit_bias", "allowed_token_ids", "min_tokens"],
  ...["response_format", "structured_outputs", "guided_json", "guided_regex", "guided_choice"],
  ...["guided_grammar", "structural_tag", "json_schema", "grammar", "ebnf", "regex", "tools"],
] as const;

/** @throws RequestError "invalid_value" */
export function checkBeamSearch(body: SamplingBody): void {
  if (!body.use_beam_search) return;
  const fields: Readonly<Record<string, unknown>> = body;
  const name = EXCLUDED.find((field) => isSet(fields[field]) && !isIdle(field, fields));
  if (name === undefined) return;
  const message = `use_beam_search cannot be combined with ${name}.`;
  throw new RequestError("invalid_value", message, "use_beam_search");
}

/** @returns true for a response format of plain text, and for tools that must not be called */
function isIdle(field: string, fields: Readonly<Record<string, unknown>>): boolean {
  if (field === "tools") return fields["tool_choice"] === "none";
  return field === "response_format" && (fields[field] as { type?: unknown }).type === "text";
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return !(value === undefined || value === null || value === 0 || value === "" || value === false);
}

export interface BeamOptions {
  readonly lengthPenalty: number;
  /** Capacity for the first round; absent = the first round reserves it. */
  readonly reservation?: Reservation;
}

/** A beam search for `samplingParams.n` beams, in the form of an output stream. */
export class BeamSearch implements OutputStream {
  readonly promptTokenIds: Promise<Int32Array>;
  readonly #front: Front;
  readonly #request: FrontRequest;
  readonly #lengthPenalty: number;
  readonly #first: OutputStream;
  /** The current round's streams. If one cannot be queued, the others are aborted. */
  #streams: readonly OutputStream[];
  #isAborted = false;

  /** Queues the first round. @throws the same errors as Front.generate() */
  constructor(front: Front, request: FrontRequest, { lengthPenalty, reservation }: BeamOptions) {
    this.#front = front;
    this.#request = request;
    this.#lengthPenalty = lengthPenalty;
    // Later rounds need room for every beam.
    if (reservation === undefined) front.reserve(request.samplingParams.n).release();
    this.#first = front.generate(this.#round(request.samplingParams.promptLogprobs), reservation);
    this.#streams = [this.#first];
    this.promptTokenIds = this.#checkedPrompt();
    this.promptTokenIds.catch(() => {});
  }

  abort(): void {
    this.#isAborted = true;
    abortAll(this.#streams);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SequenceOutput> {
    try {
      yield* await this.#outputs();
    } finally {
      this.abort();
    }
  }

  /** @throws RequestError "context_length" if the whole output does not fit */
  async #checkedPrompt(): Promise<Int32Array> {
    const ids = await this.#first.promptTokenIds;
    try {
      fitMaxTokens(this.#front.info, this.#request, ids);
      return ids;
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  async #outputs(): Promise<SequenceOutput[]> {
    const prompt = await this.promptTokenIds;
    const maxTokens = fitMaxTokens(this.#front.info, this.#request, prompt);
    const rules = this.#rules(prompt.length);
    const firstOutput = await onlyOutput(this.#first);
    let latest = [firstOutput];
    let live = [EMPTY_BEAM];
    let ended: Beam[] = [];
    for (let round = 1; !this.#hasStopped(latest); round++) {
      const beams = live.flatMap((beam, i) => {
        const [position] = latest[i]?.logprobs ?? [];
        return position === undefined ? [] : extensions(beam, position, rules);
      });
      ended = bestBeams([...ended, ...beams.filter(hasEnded)], rules);
      live = bestBeams(
        beams.filter((beam) => !hasEnded(beam)),
        rules,
      );
      if (round === maxTokens || live.length === 0) break;
      latest = await this.#nextRound(prompt, live);
    }
    const best = bestBeams([...ended, ...live], rules);
    const isAborted = this.#hasStopped(latest);
    return Promise.all(
      best.map((beam, index) => this.#output({ beam, index, firstOutput, latest, isAborted })),
    );
  }

  #hasStopped(latest: readonly RequestOutput[]): boolean {
    return this.#isAborted || latest.some(({ finishReason }) => finishReason === "abort");
  }

  #rules(numPromptTokens: number): BeamRules {
    const { n: width, ignoreEos, stopTokenIds } = this.#request.samplingParams;
    const eos = ignoreEos ? [] : this.#front.info.model.eosTokenIds;
    const endTokenIds = new Set([...eos, ...stopTokenIds]);
    return { width, numPromptTokens, lengthPenalty: this.#lengthPenalty, endTokenIds };
  }

  /** A round's request, which is greedy and asks for one token along with the most likely tokens at its position. */
  #round(promptLogprobs: number | null): FrontRequest {
    // A single token cannot be parsed on its own.
    const { parsing: _, reportsProgress: __, samplingParams: params, ...others } = this.#request;
    const { vocabSize } = this.#front.info.model;
    const logprobs = Math.min(2 * params.n, vocabSize);
    const fixed = { n: 1, temperature: 0, maxTokens: 1, ignoreEos: true, stopTokenIds: [] };
    const reported = { logprobsMode: "raw_logprobs", logprobs, promptLogprobs } as const;
    const samplingParams = { ...params, ...fixed, ...reported };
    return { ...others, samplingParams, mustFit: false };
  }

  /**
   * Queues beams in groups that leave room for other prompts, since the front limits the number of prompt tokens.
   */
  async #nextRound(prompt: Int32Array, beams: readonly Beam[]): Promise<RequestOutput[]> {
    const prompts = beams.map((beam) => Int32Array.of(...prompt, ...tokenIdsOf(beam)));
    const maxTokens = (this.#front.maxNumQueuedTokens ?? Number.POSITIVE_INFINITY) / 2;
    const length = prompts[0]?.length ?? 1;
    const groupSize = Math.max(1, Math.min(beams.length, Math.floor(maxTokens / length)));
    const outputs: RequestOutput[] = [];
    for (let i = 0; i < beams.length && !this.#hasStopped(outputs); i += groupSize) {
      outputs.push(...(await this.#group(prompts.slice(i, i + groupSize))));
    }
    return outputs;
  }

  #group(prompts: readonly Int32Array[]): Promise<RequestOutput[]> {
    const round = this.#round(null);
    const streams: OutputStream[] = [];
    this.#streams = streams;
    const reservation = this.#front.reserveMore(prompts);
    try {
      for (const prompt of prompts) {
        streams.push(this.#front.generate({ ...round, prompt }, reservation));
      }
    } finally {
      reservation.release();
    }
    return Promise.all(streams.map(onlyOutput));
  }

  async #output(found: FoundBeam): Promise<SequenceOutput> {
    const { beam, index, firstOutput, latest, isAborted } = found;
    const { logprobs, includeStopStrInOutput } = this.#request.samplingParams;
    const lastTokenS = latest[0]?.timeline.lastTokenS ?? null;
    const all = positionsOf(beam);
    const positions = includeStopStrInOutput ? all : all.slice(0, beam.numTokens);
    const endReason = beam.endTokenId === null ? "length" : "stop";
    return {
      ...firstOutput,
      index,
      text: await this.#textOf(positions.map(({ chosen }) => chosen)),
      tokenIds: positions.map(({ chosen }) => chosen.tokenId),
      tokenTimesS: positions.map(() => lastTokenS ?? 0),
      logprobs:
        logprobs === null
          ? null
          : positions.map(({ chosen, top }) => ({ chosen, top: top.slice(0, logprobs) })),
      promptLogprobs: index === 0 ? firstOutput.promptLogprobs : null,
      finishReason: isAborted ? "abort" : endReason,
      stopReason: beam.endTokenId,
      timeline: { ...firstOutput.timeline, lastTokenS },
    };
  }

  /** Joins the tokens' bytes, leaving out special tokens if requested, because decode() can strip a leading space. */
  async #textOf(tokens: readonly DecodedLogprob[]): Promise<string> {
    const { calls } = this.#front;
    const ids = Int32Array.from(tokens, ({ tokenId }) => tokenId);
    const { skipSpecialTokens } = this.#request.samplingParams;
    const [whole, shown] = await Promise.all([
      calls.decode(ids, false),
      calls.decode(ids, skipSpecialTokens),
    ]);
    if (whole !== shown) return shown;
    return Buffer.concat(tokens.map(({ bytes }) => bytes)).toString();
  }
}

const hasEnded = ({ endTokenId }: Beam) => endTokenId !== null;

function tokenIdsOf(beam: Beam): number[] {
  return positionsOf(beam).map(({ chosen }) => chosen.tokenId);
}

interface FoundBeam {
  readonly beam: Beam;
  /** Rank among the best beams; 0 = the best one. */
  readonly index: number;
  readonly firstOutput: RequestOutput;
  /** Returns the last round's outputs. */
  readonly latest: readonly RequestOutput[];
  readonly isAborted: boolean;
}

/** @returns a one-token request's output @throws the request's error */
async function onlyOutput(stream: OutputStream): Promise<RequestOutput> {
  for await (const output of stream) if (output.finishReason !== null) return output;
  throw new Error("a request ended without an output");
}
