// A response that is generated whether or not a client reads it. Readers can follow its events from any point.

import { Signal } from "../../signal.ts";
import type { GeneratedResponse, ResponseBody } from "./response-body.ts";

export interface BackgroundRunOptions {
  readonly response: GeneratedResponse;
  /** Events of the response, in eventsOf()'s order; the iterable must not throw. */
  readonly events: AsyncIterable<string>;
  /** Frees the blocks of the request. */
  readonly abort: () => void;
  /** True to keep events for readers. */
  readonly keepsEvents: boolean;
  /** Called with the response after it has ended. */
  readonly onEnd: (response: ResponseBody) => void;
}

export class BackgroundRun {
  readonly #options: BackgroundRunOptions;
  readonly #events: string[] = [];
  readonly #change = new Signal();
  #hasEnded = false;

  constructor(options: BackgroundRunOptions) {
    this.#options = options;
  }

  get keepsEvents(): boolean {
    return this.#options.keepsEvents;
  }

  /** Total length of the kept events, UTF-16 code units. */
  get eventsLength(): number {
    return this.#events.reduce((sum, { length }) => sum + length, 0);
  }

  /** @returns the response so far */
  body(): ResponseBody {
    return this.#options.response.body();
  }

  /** Generates the response to its end. Never rejects. */
  async run(): Promise<void> {
    for await (const text of this.#options.events) {
      if (this.keepsEvents) this.#events.push(...separate(text));
      this.#change.notify();
    }
    this.#hasEnded = true;
    this.#change.notify();
    this.#options.onEnd(this.body());
  }

  /** Ends the work within one step. Does nothing once the response has ended. */
  cancel(): void {
    if (this.#hasEnded) return;
    this.#options.response.cancel();
    this.#options.abort();
  }

  /** @param startingAfter sequence number of the last event that the reader has; -1 = none */
  async *eventsAfter(startingAfter: number): AsyncGenerator<string> {
    for (let i = startingAfter + 1; ; i++) {
      while (i >= this.#events.length && !this.#hasEnded) await this.#change.wait();
      const event = this.#events[i];
      if (event === undefined) return;
      yield event;
    }
  }
}

/** Splits the text of an output into its events. */
function separate(text: string): string[] {
  return text.split(/(?<=\n\n)/);
}
