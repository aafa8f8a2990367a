// An error that the bench's user can fix; printed as one line, with exit code 2.

export class BenchError extends Error {
  override readonly name = "BenchError";
}

/** A server crashed or exited, so the comparison is invalid. */
export class ServerDeath extends BenchError {}
