// Reads a boolean from a query string, accepting the same spellings as FastAPI.

import { quoted } from "../api/quote.ts";
import { RequestError } from "../errors.ts";

/** @throws RequestError "invalid_value" */
export function queryFlag(query: URLSearchParams, name: string, fallback = false): boolean {
  const text = query.get(name)?.toLowerCase() ?? String(fallback);
  if (["true", "1", "yes", "on"].includes(text)) return true;
  if (["false", "0", "no", "off"].includes(text)) return false;
  const message = `${name} must be true or false, got ${quoted(text)}.`;
  throw new RequestError("invalid_value", message, name);
}
