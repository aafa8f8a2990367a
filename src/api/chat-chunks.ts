// Writes the chunks of a streamed chat completion.

import type { SequenceOutput } from "../front/output-stream.ts";
import { isSilent, usage } from "./choice.ts";
import { ChunkHead } from "./chunk-head.ts";
import type { ChunkWriter } from "./events.ts";
import { chatLogprobs } from "./logprobs.ts";
import type { StartedChat } from "./started-chat.ts";

export class ChatChunkWriter implements ChunkWriter<SequenceOutput> {
  readonly #chat: StartedChat;
  readonly #head: ChunkHead;
  #isFirst = true;
  /** Number of tokens generated so far, by choice. */
  readonly #numTokens: number[];
  #numCachedTokens = 0;

  constructor(chat: StartedChat) {
    this.#chat = chat;
    this.#numTokens = Array(chat.n).fill(0);
    this.#head = new ChunkHead("chat.completion.chunk", chat);
  }

  event(output: SequenceOutput): string {
    const roles = this.#isFirst ? this.#roleEvents() : "";
    this.#isFirst = false;
    this.#numTokens[output.index] = this.#numTokensOf(output.index) + output.tokenIds.length;
    if (output.index === 0) this.#numCachedTokens = output.numCachedTokens;
    return isSilent(output, this.#chat.body.return_token_ids)
      ? roles
      : roles + this.#deltaEvent(output);
  }

  /** @returns the usage chunk, or "" if the client did not request one */
  end(): string {
    if (this.#chat.body.stream_options?.includeUsage !== true) return "";
    const numTokens = this.#numTokens.reduce((sum, count) => sum + count, 0);
    const { promptIds } = this.#chat;
    return this.#head.usageEvent(promptIds.length, numTokens, this.#numCachedTokens);
  }

  /** Writes an event per choice with its role, and with `echo` another one with the last message. */
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

  #startEvent(index: number, delta: string, tail: string): string {
    const choice = `{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":null}`;
    return this.#head.event(choice, tail + this.#continuousUsage(index));
  }

  #deltaEvent(output: SequenceOutput): string {
    const { body } = this.#chat;
    const logprobs = output.logprobs
      ? JSON.stringify(chatLogprobs(output.logprobs, body.return_tokens_as_token_ids))
      : "null";
    const finish =
      output.finishReason === null
        ? '"finish_reason":null'
        : `"finish_reason":"${output.finishReason}","stop_reason":${JSON.stringify(output.stopReason)}`;
    const ids = body.return_token_ids ? JSON.stringify(output.tokenIds) : "null";
    const choice =
      `{"index":${output.index},"delta":{"content":${JSON.stringify(output.text)},` +
      `"reasoning_content":null},"logprobs":${logprobs},${finish},"token_ids":${ids}}`;
    return this.#head.event(choice, this.#continuousUsage(output.index));
  }

  #numTokensOf(index: number): number {
    return this.#numTokens[index] ?? 0;
  }

  /** Usage of this chunk's choice, as in vLLM; only the last chunk has the total over all choices. */
  #continuousUsage(index: number): string {
    if (this.#chat.body.stream_options?.continuousUsageStats !== true) return "";
    const soFar = usage(this.#chat.promptIds.length, this.#numTokensOf(index));
    return `,"usage":${JSON.stringify(soFar)}`;
  }
}
