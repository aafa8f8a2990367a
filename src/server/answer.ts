// Responds to a generation request with a single body at the end or a stream of chunks.

import { eventStream } from "../api/event-stream.ts";
import { type ChunkWriter, eventsOf, frameOf } from "../api/events.ts";
import { abortAll } from "../api/output-streams.ts";
import type { OutputStream } from "../front/output-stream.ts";
import { answerGoesOn } from "./answer-end.ts";
import { jsonResponse } from "./json-response.ts";
import { loadHeaders } from "./load-header.ts";
import type { ServerContext } from "./server-context.ts";

export interface Answer<Output> {
  /** Streams to abort if the client of a streamed response disconnects. */
  readonly streams: readonly OutputStream[];
  /** Outputs of all streams; can be read only once. */
  readonly outputs: AsyncIterable<Output>;
  /** Null if the client requested a single body. */
  readonly writer: ChunkWriter<Output> | null;
  readonly fullBody: (outputs: AsyncIterable<Output>) => Promise<object>;
}

export async function answer<Output>(
  context: ServerContext,
  request: Request,
  { streams, outputs, writer, fullBody }: Answer<Output>,
): Promise<Response> {
  if (writer === null) {
    const body = await fullBody(outputs);
    return jsonResponse(body, { headers: loadHeaders(context, request) });
  }
  const events = eventStream(eventsOf(outputs, writer, context.logFault), {
    keepAliveMs: context.keepAliveMs,
    keepAlive: frameOf(writer).keepAlive,
    onCancel: () => abortAll(streams),
    onEnd: answerGoesOn(request),
  });
  return eventStreamResponse(events, loadHeaders(context, request));
}

function eventStreamResponse(
  events: ReadableStream<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const media = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  };
  return new Response(events, { headers: { ...media, ...headers } });
}
