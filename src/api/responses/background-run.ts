// A response that is generated whether or not a client reads it. Readers can follow its events from any point.

import { Signal } from "../../signal.ts";
import type { GeneratedResponse, ResponseBody } from "./response-body.ts";

export interface BackgroundRunOptions {
  readonly response: GeneratedResponse;
  /** The response's events, in eventsOf()'s order. The iterable must not throw. */
  readonly events: AsyncIterable<string>;
  /** Frees the request's blocks. */
  readonly abort: () => void;
  /** Whether to keep events for readers. */
  readonly keepsEvents: boolean;
  /** Called with the response after it has ended. */
  readonly onEnd: (response: ResponseBody) => void;
}

export class BackgroundRun {
  readonly keepsEvents: boolean;
  /** Becomes null once the response has ended, so that its request is freed. */
  #live: BackgroundRunOptions | null;
  #body: () => ResponseBody;
  readonly #events: string[] = [];
  readonly #change = new Signal();

  constructor(options: BackgroundRunOptions) {
    this.keepsEvents = options.keepsEvents;
    this.#live = options;
    this.#body = () => options.response.body();
  }

  /** Total length of the kept events, in UTF-16 code units. */
  get eventsLength(): number {
    return this.#events.reduce((sum, { length }) => sum + length, 0);
  }

  /** Number of events kept so far, which is one more than the sequence number of the last. */
  get numEvents(): number {
    return this.#events.length;
  }

  /** @returns the response so far */
  body(): ResponseBody {
    return this.#body();
  }

  /** Generates the response to the end. Called only once; never rejects. */
  async run(): Promise<void> {
    const live = this.#live;
    for await (const text of live?.events ?? []) {
      if (this.keepsEvents) this.#events.push(...separate(text));
      this.#change.notify();
    }
    const ended = this.body();
    this.#body = () => ended;
    this.#live = null;
    this.#change.notify();
    live?.onEnd(ended);
  }

  /** Ends the work within one step. Does nothing once the response has ended. */
  cancel(): void {
    this.#live?.response.cancel();
    this.#live?.abort();
  }

  /** @param startingAfter sequence number of the last event that the reader already has; -1 = none */
  async *eventsAfter(startingAfter: number): AsyncGenerator<string> {
    for (let i = startingAfter + 1; ; i++) {
      while (i >= this.#events.length && this.#live !== null) await this.#change.wait();
      const event = this.#events[i];
      if (event === undefined) return;
      yield event;
    }
  }
}

/** Splits the text for one output into its events. */
function separate(text: string): string[] {
  return text.split(/(?<=\n\n)/);
}
