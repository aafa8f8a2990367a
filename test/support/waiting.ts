// Waits for events, never for a fixed time; work in this process takes turns of the event loop.

/** Limit for events that never come, so that the test fails instead of hanging. */
const PATIENCE_MS = 10_000;
/** Far more turns than a chain of promises, streams and fake-model steps needs to settle. */
const SETTLED_AFTER = 50;

/** Resolves when all ready tasks have had one turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets pending work settle, for tests that nothing else happens. */
export async function settled(): Promise<void> {
  for (let i = 0; i < SETTLED_AFTER; i++) await turn();
}

/** Resolves in the event loop turn in which the condition holds. @throws when it never holds */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`condition never held: ${holds}`);
    await turn();
  }
}
