// Writes a streamed text completion's chunks.

import { writeJson } from "../json.ts";
import type { RequestOutput } from "../protocol/protocol.ts";
import type { DecodedLogprob, PositionLogprobs } from "../request/logprobs.ts";
import { isSilent, usage } from "./choice.ts";
import { ChunkHead } from "./chunk-head.ts";
import { showsPromptOnly } from "./completion-prompts.ts";
import type { ChunkWriter } from "./events.ts";
import { completionLogprobs, echoLogprobs, numCharacters } from "./logprobs.ts";
import type { PromptOutput } from "./output-streams.ts";
import type { StartedCompletion } from "./started-completion.ts";
import { Timings, timingsMember } from "./timings.ts";

export class CompletionChunkWriter implements ChunkWriter<PromptOutput> {
  readonly #completion: StartedCompletion;
  readonly #head: ChunkHead;
  /** Choices whose first chunk has been written. */
  readonly #started = new Set<number>();
  /** The next text_offset of each choice, at the end of the tokens shown so far. */
  readonly #offsets = new Map<number, number>();
  /** Each prompt's log-probabilities, which arrive with the prompt's first choice. */
  readonly #promptPositions = new Map<number, readonly PositionLogprobs<DecodedLogprob>[]>();
  /** Each prompt's number of cached tokens, which all of its sequences share. */
  readonly #numCachedTokens = new Map<number, number>();
  /** Number of tokens generated so far in each choice. */
  readonly #numTokens = new Map<number, number>();
  #numUnfinished: number;
  readonly #timings: Timings | null;

  constructor(completion: StartedCompletion) {
    this.#completion = completion;
    this.#numUnfinished = completion.n * completion.prompts.length;
    this.#timings = Timings.of(completion.context, completion.body);
    this.#head = new ChunkHead("text_completion", completion);
  }

  event({ promptIndex, output }: PromptOutput): string {
    const { body, n, prompts } = this.#completion;
    const choice = promptIndex * n + output.index;
    const numTokens = (this.#numTokens.get(choice) ?? 0) + output.tokenIds.length;
    this.#numTokens.set(choice, numTokens);
    if (output.index === 0) this.#numCachedTokens.set(promptIndex, output.numCachedTokens);
    if (output.finishReason !== null) this.#numUnfinished--;
    this.#timings?.add(output, promptIndex);
    if (output.promptLogprobs !== null) {
      this.#promptPositions.set(promptIndex, output.promptLogprobs);
    }
    const progress = this.#progressEvent(choice, output);
    if (isSilent(output, body.return_token_ids)) return progress;
    const prompt = this.#started.has(choice) ? undefined : prompts[promptIndex];
    this.#started.add(choice);
    const fields = {
      index: choice,
      text: (prompt?.text ?? "") + (showsPromptOnly(body) ? "" : output.text),
      logprobs: output.logprobs && this.#logprobs(choice, output.logprobs, promptIndex),
      finish_reason: output.finishReason,
      stop_reason: output.stopReason,
      prompt_token_ids: prompt !== undefined && body.return_token_ids ? [...prompt.ids] : null,
      token_ids: body.return_token_ids ? output.tokenIds : null,
    };
    const chunkUsage = this.#chunkUsage(promptIndex, numTokens);
    const timings = timingsMember(this.#timings, body, this.#numUnfinished === 0);
    return progress + this.#head.event(writeJson(fields), `,"usage":${chunkUsage}${timings}`);
  }

  #progressEvent(index: number, output: RequestOutput): string {
    const choice = { index, text: "", logprobs: null, finish_reason: null, stop_reason: null };
    return this.#head.progressEvent(choice, output);
  }

  /** With `echo`, a choice's first chunk also shows the prompt's tokens. */
  #logprobs(
    choice: number,
    positions: readonly PositionLogprobs<DecodedLogprob>[],
    promptIndex: number,
  ) {
    const { body, prompts } = this.#completion;
    const asIds = body.return_tokens_as_token_ids;
    const generated = showsPromptOnly(body) ? [] : positions;
    const offset = this.#offsets.get(choice);
    const logprobs =
      body.echo && offset === undefined
        ? echoLogprobs(
            prompts[promptIndex]?.firstToken ?? "",
            [...(this.#promptPositions.get(promptIndex) ?? []), ...generated],
            asIds,
          )
        : completionLogprobs(generated, asIds, offset ?? 0);
    const start = logprobs.text_offset.at(-1) ?? 0;
    this.#offsets.set(choice, start + numCharacters(logprobs.tokens.at(-1) ?? ""));
    return logprobs;
  }

  /** @returns the usage chunk, or "" if the client did not request one */
  end(): string {
    if (this.#completion.body.stream_options?.includeUsage !== true) return "";
    const numCachedTokens = [...this.#numCachedTokens.values()].reduce(
      (sum, count) => sum + count,
      0,
    );
    const numTokens = [...this.#numTokens.values()].reduce((sum, count) => sum + count, 0);
    const { numPromptTokens } = this.#completion;
    const counts = { numPromptTokens, numTokens, numCachedTokens };
    return this.#head.usageEvent(counts, { timings: this.#timings });
  }

  /** Usage for this chunk's prompt and choice, as in vLLM; only the last chunk has the total. */
  #chunkUsage(promptIndex: number, numTokens: number): string {
    if (this.#completion.body.stream_options?.continuousUsageStats !== true) return "null";
    return JSON.stringify(usage(this.#completion.prompts[promptIndex]?.ids.length ?? 0, numTokens));
  }
}
