// Response IDs. They are short because every chunk repeats them.

import { RequestError } from "../errors.ts";

const USABLE_ID = /^[!-~]{1,128}$/;

export function isUsableId(id: string): boolean {
  return USABLE_ID.test(id);
}

/**
 * @param prefix including its separator
 * @returns `prefix` followed by the given ID or by 16 random hex digits
 * @throws RequestError "invalid_value" for an invalid ID
 */
export function answerId(prefix: string, given: string | null): string {
  if (given !== null && !isUsableId(given)) {
    const message = "request_id must be 1 to 128 visible ASCII characters.";
    throw new RequestError("invalid_value", message, "request_id");
  }
  return prefix + (given ?? randomHex());
}

/** @returns 16 random hex digits */
export function randomHex(): string {
  return crypto.randomUUID().replaceAll("-", "").slice(0, 16);
}
