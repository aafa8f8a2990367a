// Events of a streamed response, independent of the transport.

import { wellFormedJson } from "../json.ts";
import { errorBody, isFault } from "./error-body.ts";

const DONE_EVENT = "data: [DONE]\n\n";

/** @param json one event's data, without line breaks */
export function dataEvent(json: string): string {
  return `data: ${wellFormedJson(json)}\n\n`;
}

export interface ChunkWriter<Output> {
  /** @returns the events for an output; "" if there is nothing to show */
  event(output: Output): string;
  /** @returns the events after the last output; "" for none */
  end(): string;
}

/** Yields the events of a streamed response, up to [DONE]. Never throws; a late failure becomes an error event. */
export async function* eventsOf<Output>(
  outputs: AsyncIterable<Output>,
  writer: ChunkWriter<Output>,
  logFault: (error: unknown) => void,
): AsyncGenerator<string> {
  try {
    for await (const output of outputs) {
      const event = writer.event(output);
      if (event !== "") yield event;
    }
    yield writer.end();
  } catch (error) {
    if (isFault(error)) logFault(error);
    yield dataEvent(JSON.stringify(errorBody(error)));
  }
  yield DONE_EVENT;
}
