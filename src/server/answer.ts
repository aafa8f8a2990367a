// The answer to a request that generates: one body at the end, or a stream of chunks. Either way the
// client that leaves ends its generations.

import { eventStream } from "../api/event-stream.ts";
import { type ChunkWriter, eventsOf } from "../api/events.ts";
import { abortAll } from "../api/output-streams.ts";
import type { Generation } from "../front/output-stream.ts";
import { answerGoesOn } from "./answer-end.ts";
import { jsonResponse } from "./json-response.ts";
import { loadHeaders } from "./load-header.ts";
import type { ServerContext } from "./server-context.ts";

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

/** Frees the blocks as soon as the client is gone, streaming or not, queued or running. */
function abortOnDisconnect(request: Request, generations: readonly Generation[]): void {
  if (request.signal.aborted) abortAll(generations);
  request.signal.addEventListener("abort", () => abortAll(generations), { once: true });
}

function eventStreamResponse(
  stream: ReadableStream<Uint8Array>,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const media = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
  };
  return new Response(stream, { headers: { ...media, ...headers } });
}
