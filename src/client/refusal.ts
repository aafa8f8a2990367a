// Converts a server's refusal of a request, or an error in its response, to a ConfigError.

import { ConfigError } from "../errors.ts";

/** "HTTP 404: The model ... does not exist." @param body response body; JSON from an OpenAI server */
export function refusalText(status: number, body: string): string {
  return `HTTP ${status}: ${messageOf(body) ?? plainText(body)}`.replace(/: $/, "");
}

/**
 * @param hasKey whether the request had a key
 * @returns "request_refused", "key_refused", or "context_full" when request and answer exceed the context
 */
export function refusal(status: number, body: string, hasKey: boolean): ConfigError {
  const text = refusalText(status, body);
  const hint = hasKey ? "the server does not accept this key" : "pass the key with --api-key";
  if (status === 401) return new ConfigError("key_refused", `${text}; ${hint}`);
  const isTooLong = status === 400 && /context (length|size|window)/i.test(text);
  return new ConfigError(isTooLong ? "context_full" : "request_refused", text);
}

/**
 * Extracts the message from an error in the format of OpenAI, of vLLM before 0.10, or of FastAPI.
 * @param value parsed body or event
 * @returns null when the value is not an error
 */
export function errorMessage(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  const { error, object, message, detail } = value as Readonly<Record<string, unknown>>;
  if (typeof error === "string") return error;
  if (typeof error === "object" && error !== null) return textOf(error);
  if (object === "error") return textOf({ message });
  if (typeof detail === "string") return detail;
  return Array.isArray(detail) ? detail.map(textOf).join("; ") : null;
}

function textOf(error: { readonly message?: unknown; readonly msg?: unknown }): string {
  const text = error.message ?? error.msg;
  return typeof text === "string" ? text : JSON.stringify(error);
}

function messageOf(body: string): string | null {
  try {
    return errorMessage(JSON.parse(body));
  } catch {
    return null; // not a server with this API
  }
}

/** Reduces an HTML error page, such as a proxy's, to its title. */
function plainText(body: string): string {
  const [, title] = /<title[^>]*>([^<]*)/i.exec(body) ?? [];
  return (title ?? body.slice(0, 300)).trim();
}
