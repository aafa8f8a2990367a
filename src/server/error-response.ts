// Converts an error to an HTTP response. The status is the code in the body; some errors add headers.

import { errorBody } from "../api/error-body.ts";
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

/** @returns true if the connection cannot be reused after the error */
function closesConnection(error: unknown): boolean {
  return error instanceof RequestError && error.code === "body_timeout";
}

export function errorResponse(error: unknown): Response {
  const body = errorBody(error);
  const seconds = retryAfterS(error);
  const headers = {
    ...(seconds === null ? {} : { "retry-after": String(seconds) }),
    ...(closesConnection(error) ? { connection: "close" } : {}),
  };
  return jsonResponse(body, { status: body.error.code, headers });
}
