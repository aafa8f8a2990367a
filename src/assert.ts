// Invariant checks. They stay on in production: a broken invariant means that Pagoda's own code is
// wrong, so the engine stops instead of serving from a corrupt state.

/**
 * Throws if `condition` is false, which is always a bug, never the fault of a user or the environment.
 * @param message must be a function unless it is a literal: building unused messages for every row took a third
 *   of the time of schedule()
 */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === "string" ? message : message());
}

class AssertionError extends Error {
  override readonly name = "AssertionError";
}
