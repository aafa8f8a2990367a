// Chunks of a streamed text completion; what is the same in all of them is serialised once.

import type { SequenceOutput } from "../engine/generation.ts";
import { usage } from "./choice.ts";
import type { CompletionRun } from "./completions.ts";
import { completionLogprobs } from "./logprobs.ts";
import { modelName } from "./server-context.ts";
import { dataEvent } from "./sse.ts";

export class CompletionChunkWriter {
  readonly #run: CompletionRun;
  readonly #head: string;
  /** Characters shown so far, by choice; absent before the first chunk. */
  readonly #offsets = new Map<number, number>();
  #numTokens = 0;

  constructor(run: CompletionRun) {
    this.#run = run;
    const model = JSON.stringify(modelName(run.context));
    this.#head =
      `{"id":${JSON.stringify(run.id)},"object":"text_completion",` +
      `"created":${run.createdS},"model":${model},"choices":[`;
  }

  /** @returns "" for an output that shows nothing */
  event(promptIndex: number, output: SequenceOutput, isSilent: boolean): string {
    const { body, prompts } = this.#run;
    this.#numTokens += output.tokenIds.length;
    if (isSilent) return "";
    const choice = promptIndex * body.n + output.index;
    const isFirst = !this.#offsets.has(choice);
    const prefix = isFirst && body.echo ? (prompts[promptIndex]?.text ?? "") : "";
    const text = prefix + (body.echo && body.max_tokens === 0 ? "" : output.text);
    const offset = (this.#offsets.get(choice) ?? 0) + prefix.length;
    this.#offsets.set(choice, offset + text.length - prefix.length);
    const logprobs = output.logprobs
      ? completionLogprobs(output.logprobs, body.return_tokens_as_token_ids, offset)
      : null;
    const promptIds = body.return_token_ids && isFirst ? prompts[promptIndex]?.ids : undefined;
    const fields = {
      index: choice,
      text,
      logprobs,
      finish_reason: output.finishReason,
      stop_reason: output.stopReason,
      prompt_token_ids: promptIds === undefined ? null : [...promptIds],
      token_ids: body.return_token_ids ? output.tokenIds : null,
    };
    return dataEvent(`${this.#head}${JSON.stringify(fields)}],"usage":${this.#chunkUsage()}}`);
  }

  /** The usage chunk, if the client asked for one. */
  end(): string {
    if (this.#run.body.stream_options?.includeUsage !== true) return "";
    return dataEvent(`${this.#head}],"usage":${this.#usage()}}`);
  }

  #chunkUsage(): string {
    return this.#run.body.stream_options?.continuousUsageStats === true ? this.#usage() : "null";
  }

  #usage(): string {
    const numPromptTokens = this.#run.prompts.reduce((sum, { ids }) => sum + ids.length, 0);
    return JSON.stringify(usage(numPromptTokens, this.#numTokens));
  }
}
