// When an answer has ended: most when their Response is made, a stream when its last event is out. The
// request is what both the one who streams and the one who measures have in hand.

const ends = new WeakMap<Request, Promise<void>>();

/** The answer to `request` goes on after its Response has been made. @returns to be called at its end */
export function answerGoesOn(request: Request): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  ends.set(request, promise);
  return resolve;
}

/** @returns null when the answer ended with its Response */
export function answerEnd(request: Request): Promise<void> | null {
  return ends.get(request) ?? null;
}
