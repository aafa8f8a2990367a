// What the user of the bench can mend; printed as one line, with exit code 2.

export class BenchError extends Error {
  override readonly name = "BenchError";
}

/** A server that ended of itself: never a figure of the comparison. */
export class ServerDeath extends BenchError {}
