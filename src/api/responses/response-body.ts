// Builds the response object, with its output, status and usage, as the engine's outputs arrive.

import { RequestError } from "../../errors.ts";
import type { RequestOutput } from "../../protocol/protocol.ts";
import { type ApiContext, modelName } from "../api-context.ts";
import { chatLogprobs } from "../logprobs.ts";
import { type BlockEvent, MessageBlocks } from "../message-blocks.ts";
import { type CallingChat, toolCallId } from "../tool-call-id.ts";
import { wantsLogprobs } from "./chat-body.ts";
import { responseError } from "./error-body.ts";
import { type ItemEvent, type OutputItem, outputItem, type TokenLogprobs } from "./output-items.ts";
import type { ResponsesBody } from "./schema.ts";
import type { ToolTable } from "./tools.ts";

/** Properties of a response that are known when it starts. */
export interface ResponseInit {
  readonly context: ApiContext;
  readonly body: ResponsesBody;
  readonly id: string;
  readonly createdS: number;
  readonly tools: ToolTable;
}

export type ResponseStatus =
  | "queued"
  | "in_progress"
  | "completed"
  | "incomplete"
  | "failed"
  | "cancelled";

export interface ResponseBody {
  readonly id: string;
  readonly status: ResponseStatus;
  readonly output: readonly object[];
  readonly [name: string]: unknown;
}

export class GeneratedResponse {
  readonly #init: ResponseInit;
  readonly #blocks = new MessageBlocks({ showsReasoning: true });
  readonly #items: OutputItem[] = [];
  #status: ResponseStatus;
  #error: object | null = null;
  /** The last output, whose counts are totals. */
  #last: RequestOutput | null = null;
  #numTokens = 0;
  #numCalls = 0;
  #chat: CallingChat = { parsing: null, body: { messages: [] } };
  /** Log-probabilities of tokens whose text has not arrived yet. */
  #logprobs: TokenLogprobs = [];

  constructor(init: ResponseInit) {
    this.#init = init;
    this.#status = init.body.background ? "queued" : "in_progress";
  }

  /** Called when the response's chat has started. */
  begin(chat: CallingChat): void {
    this.#chat = chat;
  }

  get status(): ResponseStatus {
    return this.#status;
  }

  /** @returns the events for an output @throws RequestError "request_canceled" if the output ends a canceled request */
  add(output: RequestOutput): ItemEvent[] {
    if (output.finishReason === "abort") {
      throw new RequestError("request_canceled", "The request was canceled.");
    }
    this.#last = output;
    this.#numTokens += output.tokenIds.length;
    if (this.#status === "queued") this.#status = "in_progress";
    if (output.logprobs !== null)
      this.#logprobs.push(...chatLogprobs(output.logprobs, false).content);
    return this.#blocks.add(output).flatMap((event) => this.#itemEvents(event));
  }

  /** Called after the last output. @returns the events that end the last item */
  end(): ItemEvent[] {
    const isCut = this.#last?.finishReason === "length";
    if (this.#status !== "cancelled") this.#status = isCut ? "incomplete" : "completed";
    return this.#blocks.end().flatMap((event) => this.#itemEvents(event));
  }

  fail(error: unknown): void {
    if (this.#status === "cancelled") return;
    this.#status = "failed";
    this.#endItems();
    this.#error = responseError(error);
  }

  cancel(): void {
    this.#status = "cancelled";
    this.#endItems();
  }

  /** Marks unfinished items as incomplete. */
  #endItems(): void {
    for (const item of this.#items) {
      if (item.status === "in_progress") item.status = "incomplete";
    }
  }

  /** @returns the response so far */
  body(): ResponseBody {
    const { body, context, id, createdS } = this.#init;
    const { temperature, topP } = context.samplingDefaults;
    const isCut = this.#status === "incomplete";
    return {
      id,
      created_at: createdS,
      incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
      error: this.#error,
      instructions: body.instructions,
      metadata: body.metadata,
      model: modelName(context, body.model),
      object: "response",
      output: this.#items.map((item) => item.json()),
      parallel_tool_calls: body.parallel_tool_calls,
      temperature: body.temperature ?? temperature,
      tool_choice: body.tool_choice,
      tools: body.tools,
      top_p: body.top_p ?? topP,
      background: body.background,
      max_output_tokens: body.max_output_tokens,
      max_tool_calls: body.max_tool_calls,
      previous_response_id: body.previous_response_id,
      prompt: null,
      reasoning: body.reasoning,
      service_tier: body.service_tier,
      status: this.#status,
      text: body.text,
      top_logprobs: body.top_logprobs,
      truncation: body.truncation,
      usage: this.#usage(),
      user: body.user,
      input_messages: null,
      output_messages: null,
    };
  }

  #usage() {
    if (this.#last === null || this.#last.finishReason === null) return null;
    const { numPromptTokens, numCachedTokens, numReasoningTokens } = this.#last;
    return {
      input_tokens: numPromptTokens,
      input_tokens_details: {
        cached_tokens: numCachedTokens,
        input_tokens_per_turn: [],
        cached_tokens_per_turn: [],
      },
      output_tokens: this.#numTokens,
      output_tokens_details: {
        reasoning_tokens: numReasoningTokens,
        tool_output_tokens: 0,
        output_tokens_per_turn: [],
        tool_output_tokens_per_turn: [],
      },
      total_tokens: numPromptTokens + this.#numTokens,
    };
  }

  #itemEvents(event: BlockEvent): ItemEvent[] {
    const { block } = event;
    const place = { output_index: block.index };
    if (event.type === "start") {
      const added = outputItem(block, this.#itemOptions());
      this.#items.push(added);
      const head = { type: "response.output_item.added", ...place, item: added.json() };
      return [head, ...placed(added, place, added.begin())];
    }
    const item = this.#items[block.index];
    if (item === undefined) return [];
    if (event.type === "delta") {
      const logprobs = block.kind === "text" ? this.#logprobs : [];
      this.#logprobs = [];
      return placed(item, place, item.append(event.text, logprobs));
    }
    const finished = item.finish();
    item.status = this.#status === "incomplete" ? "incomplete" : "completed";
    const tail = { type: "response.output_item.done", ...place, item: item.json() };
    return [...placed(item, place, finished), tail];
  }

  #itemOptions() {
    const { body, tools } = this.#init;
    return {
      origins: tools.origins,
      sealsReasoning: body.include.includes("reasoning.encrypted_content"),
      hasLogprobs: wantsLogprobs(body),
      nextCallId: (name: string) => toolCallId(this.#chat, name, this.#numCalls++, "call_"),
    };
  }
}

function placed(item: OutputItem, place: object, events: readonly ItemEvent[]): ItemEvent[] {
  return events.map((event) => ({ ...event, ...place, item_id: item.id }));
}
