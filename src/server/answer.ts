// The answer to a request that generates: one body at the end, or a stream of chunks. Either way the
// client that leaves ends its generations.

import { abortAll, abortOnDisconnect } from "../api/generations.ts";
import type { Generation } from "../front/generation.ts";
import { answerGoesOn } from "./answer-end.ts";
import { errorBody, isFault } from "./error-response.ts";
import { jsonResponse } from "./json-response.ts";
import { loadHeaders } from "./load-header.ts";
import type { ServerContext } from "./server-context.ts";
import { DONE_EVENT, dataEvent, eventStream, eventStreamResponse } from "./sse.ts";

export interface ChunkWriter<Output> {
  /** @returns the events of an output, "" for one that shows nothing */
  event(output: Output): string;
  /** @returns the events after the last output, or "" */
  end(): string;
}

export interface Answer<Output> {
  readonly generations: readonly Generation[];
  /** What the generations give, to be read once. */
  readonly outputs: AsyncIterable<Output>;
  /** Null where the client wants one body. */
  readonly writer: ChunkWriter<Output> | null;
  readonly fullBody: (outputs: AsyncIterable<Output>) => Promise<object>;
}

export async function answer<Output>(
  context: ServerContext,
  request: Request,
  { generations, outputs, writer, fullBody }: Answer<Output>,
): Promise<Response> {
  abortOnDisconnect(request, generations);
  if (writer === null) {
    const body = await fullBody(outputs);
    return jsonResponse(body, { headers: loadHeaders(context, request) });
  }
  const stream = eventStream(eventsOf(outputs, writer, context.logFault), {
    keepAliveMs: context.keepAliveMs,
    onCancel: () => abortAll(generations),
    onEnd: answerGoesOn(request),
  });
  return eventStreamResponse(stream, loadHeaders(context, request));
}

/** Events of a streamed answer, the last one included. Never throws: a late failure is an error event. */
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
