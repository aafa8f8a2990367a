// What a server says when it refuses a request, as an error of ours.

import { ConfigError } from "../errors.ts";

/** "HTTP 404: The model ... does not exist." @param body of the answer; that of an OpenAI server is JSON */
export function refusalText(status: number, body: string): string {
  return `HTTP ${status}: ${messageOf(body) ?? body.slice(0, 300).trim()}`.replace(/: $/, "");
}

/** @returns "request_refused", "key_refused", or "context_full" where request and answer would be longer than the context */
export function refusal(status: number, body: string): ConfigError {
  const text = refusalText(status, body);
  if (status === 401) return new ConfigError("key_refused", `${text}; --api-key gives the key`);
  const isTooLong = status === 400 && /context (length|size|window)/i.test(text);
  return new ConfigError(isTooLong ? "context_full" : "request_refused", text);
}

function messageOf(body: string): string | null {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: string } | string };
    return (typeof error === "string" ? error : error?.message) ?? null;
  } catch {
    return null; // no server of this API
  }
}
