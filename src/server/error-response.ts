// The one map from an error's code to an HTTP answer, in the shape of vLLM's error body.

import { EngineError, OverloadError, RequestError } from "../errors.ts";
import { jsonResponse } from "./json-response.ts";

interface ErrorKind {
  readonly status: number;
  readonly type: string;
  readonly retryAfterS?: number;
  /** Nothing more is expected of the connection. */
  readonly closes?: true;
}

const REQUEST_ERRORS: Record<RequestError["code"], ErrorKind> = {
  invalid_schema: { status: 400, type: "Bad Request" },
  unsupported_media_type: { status: 400, type: "Bad Request" },
  invalid_value: { status: 400, type: "BadRequestError" },
  context_length: { status: 400, type: "BadRequestError" },
  unsupported: { status: 400, type: "BadRequestError" },
  model_not_found: { status: 404, type: "NotFoundError" },
  request_not_found: { status: 404, type: "NotFoundError" },
  route_not_found: { status: 404, type: "NotFoundError" },
  body_too_large: { status: 413, type: "RequestEntityTooLargeError" },
  body_timeout: { status: 408, type: "RequestTimeoutError", closes: true },
  slow_reader: { status: 408, type: "RequestTimeoutError" },
  suspect_request: { status: 422, type: "UnprocessableEntityError" },
};

const ENGINE_ERRORS: Record<EngineError["code"], ErrorKind> = {
  engine_step_failed: { status: 500, type: "InternalServerError" },
  engine_dead: { status: 503, type: "ServiceUnavailableError", retryAfterS: 10 },
  engine_request_timeout: { status: 504, type: "GatewayTimeoutError" },
  engine_restarting: { status: 503, type: "ServiceUnavailableError", retryAfterS: 2 },
  engine_sleep_failed: { status: 500, type: "InternalServerError" },
  engine_shutdown: { status: 503, type: "ServiceUnavailableError", retryAfterS: 10 },
};

const UNKNOWN: ErrorKind = { status: 500, type: "InternalServerError" };

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: number;
  };
}

function kindOf(error: unknown): ErrorKind {
  if (error instanceof RequestError) return REQUEST_ERRORS[error.code];
  if (error instanceof EngineError) {
    const { code, retryAfterS } = error;
    return { ...ENGINE_ERRORS[code], ...(retryAfterS === null ? {} : { retryAfterS }) };
  }
  if (error instanceof OverloadError) {
    return { status: 503, type: "ServiceUnavailableError", retryAfterS: error.retryAfterS };
  }
  return UNKNOWN;
}

/** An error that no code foresees: for the log alone. An engine's own faults are in its log already. */
export function isFault(error: unknown): boolean {
  return kindOf(error) === UNKNOWN;
}

/** What a client may read. */
export function errorBody(error: unknown): ErrorBody {
  const { status, type } = kindOf(error);
  const isTyped = error instanceof Error && !isFault(error);
  const message = isTyped ? error.message : "Internal server error";
  const param = error instanceof RequestError ? error.param : null;
  return { error: { message, type, param, code: status } };
}

export function errorResponse(error: unknown): Response {
  const { status, retryAfterS, closes } = kindOf(error);
  const headers = {
    ...(retryAfterS === undefined ? {} : { "retry-after": String(retryAfterS) }),
    ...(closes === undefined ? {} : { connection: "close" }),
  };
  return jsonResponse(errorBody(error), { status, headers });
}
