// Responds to a generation request, either with a single body at the end or with a stream of chunks.

import { eventStream } from "../api/event-stream.ts";
import { type ChunkWriter, eventsOf, frameOf } from "../api/events.ts";
import { abortAll } from "../api/output-streams.ts";
import type { OutputStream } from "../front/output-stream.ts";
import { answerGoesOn } from "./answer-end.ts";
import { jsonResponse } from "./json-response.ts";
import { loadHeaders } from "./load-header.ts";
import type { ServerContext } from "./server-context.ts";

export interface Answer<Output> {
  /** Streams to abort if a streamed response's client disconnects. */
  readonly streams: readonly OutputStream[];
  /** Outputs of all streams, which can be read only once. */
  readonly outputs: AsyncIterable<Output>;
  /** Writes a streamed response's chunks; null if the client requested a single body. */
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
  return streamedAnswer(context, request, {
    events: eventsOf(outputs, writer, context.logFault),
    keepAlive: frameOf(writer).keepAlive,
    onCancel: () => abortAll(streams),
  });
}

export interface StreamedAnswer {
  /** The iterable must not throw. */
  readonly events: AsyncIterable<string>;
  /** Returns the event to send on an idle connection; absent = send a comment. */
  readonly keepAlive?: () => string;
  /** Called if the client disconnects before the stream ends. */
  readonly onCancel: () => void;
}

export function streamedAnswer(
  context: ServerContext,
  request: Request,
  { events, ...options }: StreamedAnswer,
): Response {
  const { keepAliveMs } = context;
  const stream = eventStream(events, { ...options, keepAliveMs, onEnd: answerGoesOn(request) });
  const media = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  };
  return new Response(stream, { headers: { ...media, ...loadHeaders(context, request) } });
}
