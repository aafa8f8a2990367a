// Tracks when an answer ends. Most answers end when their Response is created, a stream when its last event has
// been sent. Answers are keyed by request, which both the streaming and the measuring code have.

const ends = new WeakMap<Request, Promise<void>>();

/** Marks the answer to `request` as outliving its Response. @returns a function to call at the answer's end */
export function answerGoesOn(request: Request): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  ends.set(request, promise);
  return resolve;
}

/** @returns null if the answer ended with its Response */
export function answerEnd(request: Request): Promise<void> | null {
  return ends.get(request) ?? null;
}
