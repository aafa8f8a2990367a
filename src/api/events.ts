// Events of a streamed response, independent of the transport.

import { wellFormedJson } from "../json.ts";
import { errorBody, isFault } from "./error-body.ts";

const DONE_EVENT = "data: [DONE]\n\n";
/** A comment, which clients skip. */
export const KEEP_ALIVE = ": keep-alive\n\n";

/** @param json one event's data, without line breaks */
export function dataEvent(json: string): string {
  return `data: ${wellFormedJson(json)}\n\n`;
}

/** @param json as in dataEvent() */
export function namedEvent(name: string, json: string): string {
  return `event: ${name}\n${dataEvent(json)}`;
}

export interface ChunkWriter<Output> {
  /** @returns the events for an output; "" if there is nothing to show */
  event(output: Output): string;
  /** @returns the events after the last output; "" for none */
  end(): string;
  /** The events around the outputs' events; absent = the same as in vLLM. */
  readonly frame?: StreamFrame;
}

/** A streamed response's events other than those for its outputs; "" for none. */
export interface StreamFrame {
  /** Events before the first output. */
  start(): string;
  /** Event to send on an idle connection. */
  keepAlive(): string;
  /** Events for a failure after the stream has begun. */
  failure(error: unknown): string;
  /** Text sent last, even after a failure. */
  readonly terminator: string;
}

const VLLM_FRAME: StreamFrame = {
  start: () => "",
  keepAlive: () => KEEP_ALIVE,
  failure: (error) => dataEvent(JSON.stringify(errorBody(error))),
  terminator: DONE_EVENT,
};

/** @returns the events around the outputs' events */
export function frameOf<Output>(writer: ChunkWriter<Output>): StreamFrame {
  return writer.frame ?? VLLM_FRAME;
}

/** Yields a streamed response's events. Never throws; a late failure becomes an error event. */
export async function* eventsOf<Output>(
  outputs: AsyncIterable<Output>,
  writer: ChunkWriter<Output>,
  logFault: (error: unknown) => void,
): AsyncGenerator<string> {
  const frame = frameOf(writer);
  try {
    const start = frame.start();
    if (start !== "") yield start;
    for await (const output of outputs) {
      const event = writer.event(output);
      if (event !== "") yield event;
    }
    yield writer.end();
  } catch (error) {
    if (isFault(error)) logFault(error);
    yield frame.failure(error);
  }
  if (frame.terminator !== "") yield frame.terminator;
}
