// Waiting for an event, never for a time: what happens in this process takes turns of the event loop.

/** For what never comes: the test fails, where it would hang. */
const PATIENCE_MS = 10_000;
/** Far more than a chain of promises, streams and steps of the fake model takes to come to rest. */
const SETTLED_AFTER = 50;

/** Resolves when all that is ready has had its turn once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Lets what is under way come to rest, for a test of what must not follow. */
export async function settled(): Promise<void> {
  for (let i = 0; i < SETTLED_AFTER; i++) await turn();
}

/** Resolves in the turn of the event loop in which it holds. @throws when that never comes */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`it never came to hold: ${holds}`);
    await turn();
  }
}
