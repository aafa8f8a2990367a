// Server-sent events: a pull-driven byte stream over an async iterable of events. A slow reader slows the
// source, comments are sent during silence, and a disconnect is reported once.

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(": keep-alive\n\n");

export interface EventStreamOptions {
  /** Idle time after which a comment is sent, ms. */
  readonly keepAliveMs: number;
  /** Called when the client has disconnected before the end. */
  readonly onCancel: () => void;
  /** Called when nothing more will be sent: after the last event, or when the client has disconnected. */
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
          controller.enqueue(KEEP_ALIVE);
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
        // A generator that has not started would end without its finally blocks, such as the request's log line.
        pending ??= iterator.next();
        void iterator.return?.();
        options.onEnd();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @returns null if `ms` pass first; the promise stays pending */
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
