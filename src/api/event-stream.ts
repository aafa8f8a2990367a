// Converts an async iterable of server-sent events into a pull-driven byte stream. A slow reader slows down
// the source, comments or other events keep an idle connection alive, and a disconnect is reported once.

import { KEEP_ALIVE } from "./events.ts";

const encoder = new TextEncoder();

export interface EventStreamOptions {
  /** Idle time after which `keepAlive` is sent, in ms. */
  readonly keepAliveMs: number;
  /** Returns the text to send on an idle connection; absent = send a comment. */
  readonly keepAlive?: () => string;
  /** Called if the client disconnects before the stream ends. */
  readonly onCancel: () => void;
  /** Called once nothing more will be sent, after the last event or a disconnect. */
  readonly onEnd: () => void;
}

/** @param events events in dataEvent()'s format; the iterable must not throw */
export function eventStream(
  events: AsyncIterable<string>,
  options: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const iterator = events[Symbol.asyncIterator]();
  let pending: Promise<IteratorResult<string>> | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        pending ??= iterator.next();
        const next = await orTimeout(pending, options.keepAliveMs);
        if (next === null) {
          controller.enqueue(encoder.encode(options.keepAlive?.() ?? KEEP_ALIVE));
          return;
        }
        pending = null;
        if (next.done === true) {
          controller.close();
          options.onEnd();
        } else controller.enqueue(encoder.encode(next.value));
      },
      cancel() {
        options.onCancel();
        // return() skips the finally blocks of a generator that has not started; one of them logs the request.
        pending ??= iterator.next();
        void iterator.return?.();
        options.onEnd();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @returns null if the promise is still pending after `ms` */
async function orTimeout<T>(promise: Promise<T>, ms: number): Promise<T | null> {
  let timer: Timer | undefined;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
