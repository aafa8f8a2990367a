// Converts clients' token IDs for the engine.

import { RequestError } from "../errors.ts";
import type { Integer } from "../json.ts";

/**
 * Converts IDs to int32. As in vLLM, drops IDs that are too large for any vocabulary, since they have no text.
 * @throws RequestError "invalid_schema" for a value that is not an ID
 */
export function knownIds(ids: readonly Integer[] | Int32Array): Int32Array {
  if (ids.some((id) => id < 0 || !(typeof id === "bigint" || Number.isInteger(id)))) {
    throw new RequestError(
      "invalid_schema",
      "1 validation error:\n  out of range integral type conversion attempted",
    );
  }
  return Int32Array.from(
    [...ids].filter((id) => id < 2 ** 31),
    Number,
  );
}
