// Writes a streamed chat completion's chunks.

import type { SequenceOutput } from "../front/output-stream.ts";
import { chatFinishReason, hasCalls } from "./assistant-message.ts";
import { CallDeltas, contentDelta, reasoningDelta } from "./chat-deltas.ts";
import { completionDetails, isSilent, usage } from "./choice.ts";
import { ChunkHead } from "./chunk-head.ts";
import type { ChunkWriter } from "./events.ts";
import { chatLogprobs } from "./logprobs.ts";
import type { StartedChat } from "./started-chat.ts";
import { Timings, timingsMember } from "./timings.ts";

const EMPTY_DELTA = contentDelta("");

export class ChatChunkWriter implements ChunkWriter<SequenceOutput> {
  readonly #chat: StartedChat;
  readonly #head: ChunkHead;
  #isFirst = true;
  /** Number of tokens generated so far in each choice. */
  readonly #numTokens: number[];
  /** Each choice's calls. */
  readonly #calls: CallDeltas[] = [];
  /** Indexes of choices with tool calls. */
  readonly #hasCalls = new Set<number>();
  /** The last output of each choice, with its counts. */
  readonly #last: SequenceOutput[] = [];
  #numCachedTokens = 0;
  #numUnfinished: number;
  readonly #timings: Timings | null;

  constructor(chat: StartedChat) {
    this.#chat = chat;
    this.#numTokens = Array(chat.n).fill(0);
    this.#numUnfinished = chat.n;
    this.#timings = Timings.of(chat.context, chat.body);
    this.#head = new ChunkHead("chat.completion.chunk", chat);
  }

  event(output: SequenceOutput): string {
    const roles = (this.#isFirst ? this.#roleEvents() : "") + this.#progressEvent(output);
    this.#isFirst = false;
    this.#numTokens[output.index] = this.#numTokensOf(output.index) + output.tokenIds.length;
    this.#last[output.index] = output;
    if (output.index === 0) this.#numCachedTokens = output.numCachedTokens;
    if (output.finishReason !== null) this.#numUnfinished--;
    this.#timings?.add(output);
    const shown = this.#chat.body.include_reasoning ? output : withoutReasoning(output);
    return isSilent(shown, this.#chat.body.return_token_ids)
      ? roles
      : roles + this.#deltaEvents(shown);
  }

  /** @returns the usage chunk, or "" if the client did not request one */
  end(): string {
    if (this.#chat.body.stream_options?.includeUsage !== true) return "";
    const numTokens = this.#numTokens.reduce((sum, count) => sum + count, 0);
    const { promptIds, parsing } = this.#chat;
    const details = completionDetails(parsing, Object.values(this.#last));
    const counts = {
      numPromptTokens: promptIds.length,
      numTokens,
      numCachedTokens: this.#numCachedTokens,
    };
    return this.#head.usageEvent(counts, { details, timings: this.#timings });
  }

  /** For each choice, writes an event with the role and, with `echo`, another one with the last message. */
  #roleEvents(): string {
    const { body, n, promptIds, role, prefix } = this.#chat;
    const ids = body.return_token_ids ? JSON.stringify([...promptIds]) : "null";
    const roleDelta = JSON.stringify({ role, content: "", reasoning_content: null });
    const echoDelta = JSON.stringify({ content: prefix, reasoning_content: null });
    let events = "";
    for (let i = 0; i < n; i++) {
      events += this.#startEvent(i, roleDelta, `,"prompt_token_ids":${ids}`);
      if (prefix !== "") events += this.#startEvent(i, echoDelta, "");
    }
    return events;
  }

  #progressEvent(output: SequenceOutput): string {
    const { index } = output;
    const choice = { index, delta: {}, logprobs: null, finish_reason: null };
    return this.#head.progressEvent(choice, output);
  }

  #startEvent(index: number, delta: string, tail: string): string {
    const choice = `{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":null}`;
    return this.#head.event(choice, tail + this.#continuousUsage(index));
  }

  /** Writes one event per part. The last event also includes the token IDs, log-probabilities and finish reason. */
  #deltaEvents(output: SequenceOutput): string {
    const deltas = this.#deltas(output);
    const last = deltas.pop() ?? EMPTY_DELTA;
    const { index } = output;
    return (
      deltas.map((delta) => this.#startEvent(index, delta, "")).join("") +
      this.#lastEvent(output, last)
    );
  }

  #lastEvent(output: SequenceOutput, delta: string): string {
    const { body } = this.#chat;
    const logprobs = output.logprobs
      ? JSON.stringify(chatLogprobs(output.logprobs, body.return_tokens_as_token_ids))
      : "null";
    const reason = chatFinishReason(
      this.#chat,
      output.finishReason,
      this.#hasCalls.has(output.index),
    );
    const finish =
      reason === null
        ? '"finish_reason":null'
        : `"finish_reason":"${reason}","stop_reason":${JSON.stringify(output.stopReason)}`;
    const ids = body.return_token_ids ? JSON.stringify(output.tokenIds) : "null";
    const choice = `{"index":${output.index},"delta":${delta},"logprobs":${logprobs},${finish},"token_ids":${ids}}`;
    const timings = timingsMember(this.#timings, this.#chat.body, this.#numUnfinished === 0);
    return this.#head.event(choice, this.#continuousUsage(output.index) + timings);
  }

  /** @returns the JSON for each of an output's deltas */
  #deltas({ index, text, parts, finishReason }: SequenceOutput): string[] {
    if (parts === null) return [contentDelta(text)];
    if (hasCalls(parts)) this.#hasCalls.add(index);
    const deltas = parts.flatMap((part) => {
      if ("index" in part) return this.#callsOf(index).add(part);
      return part.kind === "text" ? contentDelta(part.text) : reasoningDelta(part.text);
    });
    return finishReason === null ? deltas : [...deltas, ...this.#callsOf(index).end()];
  }

  #callsOf(index: number): CallDeltas {
    this.#calls[index] ??= new CallDeltas(this.#chat);
    return this.#calls[index];
  }

  #numTokensOf(index: number): number {
    return this.#numTokens[index] ?? 0;
  }

  /** Usage for this chunk's choice, as in vLLM; only the last chunk has the total for all choices. */
  #continuousUsage(index: number): string {
    if (this.#chat.body.stream_options?.continuousUsageStats !== true) return "";
    const soFar = usage(this.#chat.promptIds.length, this.#numTokensOf(index));
    return `,"usage":${JSON.stringify(soFar)}`;
  }
}

function withoutReasoning(output: SequenceOutput): SequenceOutput {
  const parts = output.parts?.filter(({ kind }) => kind !== "reasoning") ?? null;
  return { ...output, parts };
}
