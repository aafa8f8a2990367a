// An error that the user of the bench can fix; printed as one line, with exit code 2.

export class BenchError extends Error {
  override readonly name = "BenchError";
}

/** A server crashed or exited, so the comparison is invalid. */
export class ServerDeath extends BenchError {}
