// Converts an error to an HTTP response. The status equals the code in the body; some errors add headers.

import { errorBody } from "../api/error-body.ts";
import { messagesErrorBody, messagesErrorType } from "../api/messages/error-body.ts";
import { responsesErrorBody } from "../api/responses/error-body.ts";
import { EngineError, OverloadError, RequestError } from "../errors.ts";
import { jsonResponse } from "./json-response.ts";

/** Default Retry-After in seconds, for errors that do not set one. */
const RETRY_AFTER_S: Partial<Record<EngineError["code"], number>> = {
  engine_dead: 10,
  engine_restarting: 2,
  engine_shutdown: 10,
};

/** @returns null if retrying would not help */
function retryAfterS(error: unknown): number | null {
  if (error instanceof OverloadError) return error.retryAfterS;
  if (error instanceof EngineError) return error.retryAfterS ?? RETRY_AFTER_S[error.code] ?? null;
  return null;
}

/** @returns true if the connection cannot be reused after this error */
function closesConnection(error: unknown): boolean {
  return error instanceof RequestError && error.code === "body_timeout";
}

/** @param path path of the request, whose API determines the format of the body */
export function errorResponse(error: unknown, path: string): Response {
  const body = bodyFor(path)(error);
  const seconds = retryAfterS(error);
  const headers = {
    ...(seconds === null ? {} : { "retry-after": String(seconds) }),
    ...(closesConnection(error) ? { connection: "close" } : {}),
  };
  return jsonResponse(body, { status: errorBody(error).error.code, headers });
}

/** Refuses a request before it reaches a route, in FastAPI's format, or in Anthropic's on its routes. */
export function refusal(path: string, { status, detail, headers = {} }: Refusal): Response {
  const error = { type: messagesErrorType(status), message: detail };
  const body = isMessages(path) ? { type: "error", error } : { detail };
  return jsonResponse(body, { status, headers });
}

interface Refusal {
  readonly status: number;
  readonly detail: string;
  readonly headers?: Record<string, string>;
}

/** vLLM's response to a missing or wrong key, plus the challenge that RFC 9110, section 15.5.2, requires. */
export function unauthorized(path: string): Response {
  const error = { type: "authentication_error", message: "Unauthorized" };
  const body = isMessages(path) ? { type: "error", error } : { error: "Unauthorized" };
  return jsonResponse(body, { status: 401, headers: { "www-authenticate": "Bearer" } });
}

const isMessages = (path: string): boolean => /^\/v1\/messages(\/|$)/.test(path);

/** @returns the function that builds error bodies for the API of a path */
function bodyFor(path: string): (error: unknown) => object {
  if (isMessages(path)) return messagesErrorBody;
  return /^\/v1\/responses(\/|$)/.test(path) ? responsesErrorBody : errorBody;
}
