// The model's tokenizer and chat template, for users of the library.

import type { ApiContext } from "../api/api-context.ts";
import { chatMessages } from "../api/chat-messages.ts";
import type { JsonObject } from "../api/schema/json-value.ts";
import { chatTemplateRequest } from "../api/template-request.ts";
import { knownIds } from "../api/token-ids.ts";
import type { ChatOptions, Message } from "./options.ts";

/**
 * The engine's calls.
 * @throws EngineError "engine_shutdown" or "engine_dead" if the model has been disposed of or its engine has stopped
 */
export function availableCalls({ front }: ApiContext): ApiContext["front"]["calls"] {
  if (front.unavailable !== null) throw front.unavailable;
  return front.calls;
}

/** A chat in the form that the model receives. */
export interface RenderedChat {
  /** Text rendered by the chat template. */
  readonly prompt: string;
  /** Token IDs of the prompt, [length] int32. */
  readonly tokenIds: Int32Array;
}

/** Converts text to token IDs and back, off the JavaScript thread. */
export class Tokenizer {
  readonly #context: ApiContext;

  /** @internal */
  constructor(context: ApiContext) {
    this.#context = context;
  }

  /**
   * Tokenizes text. Text that spells a special token becomes that token.
   * @param addSpecial whether to add the special tokens that the model expects around text. Default: true
   * @returns [length] int32
   */
  async encode(
    text: string,
    { addSpecial = true }: { readonly addSpecial?: boolean } = {},
  ): Promise<Int32Array> {
    return availableCalls(this.#context).encode(text, addSpecial);
  }

  /**
   * Converts token IDs to text.
   * @param tokenIds non-negative integers; IDs beyond the vocabulary yield no text
   * @param skipSpecial whether to leave out control tokens. Default: true
   * @throws RequestError "invalid_schema" for a value that is not an ID
   */
  async decode(
    tokenIds: readonly number[] | Int32Array,
    { skipSpecial = true }: { readonly skipSpecial?: boolean } = {},
  ): Promise<string> {
    const ids = knownIds(typeof tokenIds === "object" ? tokenIds : [Number.NaN]);
    return availableCalls(this.#context).decode(ids, skipSpecial);
  }

  /**
   * Renders the prompt that chat() would send to the model.
   * @throws RequestError "invalid_value" with the template's own message, or if addGenerationPrompt and
   *   continueFinalMessage are both true; "unsupported" for a part that is not text
   */
  async applyChatTemplate(
    messages: readonly Message[],
    options: Pick<
      ChatOptions,
      "addGenerationPrompt" | "continueFinalMessage" | "chatTemplateKwargs"
    > = {},
  ): Promise<RenderedChat> {
    const body = {
      tools: null,
      chat_template: null,
      add_generation_prompt: options.addGenerationPrompt ?? true,
      continue_final_message: options.continueFinalMessage ?? false,
      chat_template_kwargs: (options.chatTemplateKwargs ?? {}) as JsonObject,
    };
    const checked = chatMessages(messages as readonly JsonObject[]);
    const request = chatTemplateRequest(this.#context, body, checked);
    const calls = availableCalls(this.#context);
    const [prompt, tokenIds] = await Promise.all([
      calls.renderChat(request),
      calls.encodeChat(request),
    ]);
    return { prompt, tokenIds };
  }
}
