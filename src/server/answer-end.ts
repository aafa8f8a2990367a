// Tracks when streamed responses end. Most responses are complete when their Response is created, but a stream ends
// when its last event has been sent. Streams are looked up by request, because the streaming code and the measuring
// code share that object.

const ends = new WeakMap<Request, Promise<void>>();

/** Marks the response to `request` as streamed. @returns a function to call at the end of the stream */
export function answerGoesOn(request: Request): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  ends.set(request, promise);
  return resolve;
}

/** @returns a promise that resolves at the end of the stream; null if the response is not streamed */
export function answerEnd(request: Request): Promise<void> | null {
  return ends.get(request) ?? null;
}
