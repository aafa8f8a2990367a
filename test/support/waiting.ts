// Waits for events instead of a fixed time. Work in this process takes turns of the event loop.

/** Timeout for events that never happen, so that the test fails instead of hanging. */
const PATIENCE_MS = 10_000;
/** Far more turns than any chain of promises, streams, and fake-model steps needs to settle. */
const SETTLED_AFTER = 50;

/** Resolves after all ready tasks have had one turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets pending work settle, to check that nothing more happens. */
export async function settled(): Promise<void> {
  for (let i = 0; i < SETTLED_AFTER; i++) await turn();
}

/** Resolves in the first turn in which the condition holds. @throws if it never holds */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`condition never held: ${holds}`);
    await turn();
  }
}
