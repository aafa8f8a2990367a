// A conversation: its messages, with one answer at a time.

import type { AnswerPiece } from "./answer-piece.ts";
import type { ApiClient } from "./api-client.ts";

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface ChatSessionOptions {
  readonly client: ApiClient;
  /** Fields of each request other than the messages: the model and sampling parameters. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** "" = none; the model's template can add its own. */
  readonly systemPrompt: string;
}

export class ChatSession {
  readonly #client: ApiClient;
  readonly #fields: ChatSessionOptions["fields"];
  #systemPrompt: string;
  #messages: ChatMessage[] = [];

  constructor({ client, fields, systemPrompt }: ChatSessionOptions) {
    this.#client = client;
    this.#fields = fields;
    this.#systemPrompt = systemPrompt;
  }

  get messages(): readonly ChatMessage[] {
    const { length } = this.#systemPrompt;
    const system: ChatMessage = { role: "system", content: this.#systemPrompt };
    return length === 0 ? this.#messages : [system, ...this.#messages];
  }

  get hasAnswers(): boolean {
    return this.#messages.some(({ role }) => role === "assistant");
  }

  /** Starts a new conversation. @param systemPrompt default: the current one */
  reset(systemPrompt = this.#systemPrompt): void {
    this.#systemPrompt = systemPrompt;
    this.#messages = [];
  }

  /**
   * Sends a message. If the answer is aborted, the part received so far stays in the conversation. If it
   * fails, the message is removed from the conversation.
   * @throws ConfigError as streamChat does, or the signal's reason
   */
  async *send(content: string, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    const before = this.#messages;
    this.#messages = [...before, { role: "user", content }];
    const body = { ...this.#fields, messages: this.messages };
    let answer = "";
    let isKept = false;
    try {
      for await (const piece of this.#client.streamChat(body, signal)) {
        answer += piece.text;
        yield piece;
      }
      isKept = true;
    } finally {
      isKept ||= signal?.aborted === true && answer !== "";
      const said: ChatMessage = { role: "assistant", content: answer };
      this.#messages = isKept ? [...this.#messages, said] : before;
    }
  }
}
