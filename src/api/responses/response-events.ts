// Writes a streamed response's events, numbered in order: response.created and response.in_progress, the events
// of each output item, and response.completed, response.incomplete or response.failed with the whole response.

import type { SequenceOutput } from "../../front/output-stream.ts";
import { writeJson } from "../../json.ts";
import { type ChunkWriter, namedEvent, type StreamFrame } from "../events.ts";
import type { ItemEvent } from "./output-items.ts";
import type { GeneratedResponse } from "./response-body.ts";

export class ResponseEventWriter implements ChunkWriter<SequenceOutput> {
  readonly frame: StreamFrame;
  readonly #response: GeneratedResponse;
  readonly #onEnd: () => void;
  #numEvents = 0;

  /** @param onEnd called when the response ends without failing */
  constructor(response: GeneratedResponse, onEnd: () => void = () => {}) {
    this.#response = response;
    this.#onEnd = onEnd;
    this.frame = {
      start: () => this.#lifeEvent("created") + this.#lifeEvent("in_progress"),
      // A comment would not be enough, because Codex measures the time between events.
      keepAlive: () => this.#lifeEvent("in_progress"),
      failure: (error) => this.#failure(error),
      terminator: "",
    };
  }

  event(output: SequenceOutput): string {
    return this.#texts(this.#response.add(output));
  }

  end(): string {
    const items = this.#texts(this.#response.end());
    this.#onEnd();
    const isCut = this.#response.status === "incomplete";
    return items + this.#lifeEvent(isCut ? "incomplete" : "completed");
  }

  #failure(error: unknown): string {
    this.#response.fail(error);
    return this.#lifeEvent("failed");
  }

  #lifeEvent(name: string): string {
    return this.#text({ type: `response.${name}`, response: this.#response.body() });
  }

  #texts(events: readonly ItemEvent[]): string {
    return events.map((event) => this.#text(event)).join("");
  }

  #text(event: ItemEvent): string {
    return namedEvent(event.type, writeJson({ ...event, sequence_number: this.#numEvents++ }));
  }
}
