// A model whose steps wait, so that a stream is silent for as long as a test needs.

import type { FakeModelRunner } from "./fake-model-runner.ts";

/** Holds all steps from now on. @returns a function that lets them run */
export function holdSteps(runner: FakeModelRunner): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  const run = runner.run.bind(runner);
  runner.run = async (plan) => {
    await promise;
    return run(plan);
  };
  return resolve;
}

/** Passes a stream through and calls `release` once it has had `count` events with a given name. */
export function releasedAfter(
  response: Response,
  name: string,
  count: number,
  release: () => void,
): Response {
  let numLeft = count;
  const decoder = new TextDecoder();
  const events = response.body?.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        numLeft -= decoder.decode(chunk).split(`event: ${name}\n`).length - 1;
        if (numLeft <= 0) release();
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(events, response);
}
