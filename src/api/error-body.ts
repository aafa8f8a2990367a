// The only mapping from error codes to the error bodies that clients see, in vLLM's format.

import { EngineError, OverloadError, RequestError } from "../errors.ts";

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    /** The error's code, which is also the HTTP status of the response. */
    readonly code: number;
  };
}

type ErrorKind = Pick<ErrorBody["error"], "code" | "type">;

const REQUEST_ERRORS: Record<RequestError["code"], ErrorKind> = {
  invalid_schema: { code: 400, type: "Bad Request" },
  unsupported_media_type: { code: 400, type: "Bad Request" },
  invalid_value: { code: 400, type: "BadRequestError" },
  context_length: { code: 400, type: "BadRequestError" },
  unsupported: { code: 400, type: "BadRequestError" },
  model_not_found: { code: 404, type: "NotFoundError" },
  request_not_found: { code: 404, type: "NotFoundError" },
  response_not_found: { code: 404, type: "invalid_request_error" },
  adapter_not_found: { code: 404, type: "NotFoundError" },
  adapter_name: { code: 400, type: "InvalidUserInput" },
  adapter_refused: { code: 400, type: "BadRequestError" },
  route_not_found: { code: 404, type: "NotFoundError" },
  body_too_large: { code: 413, type: "RequestEntityTooLargeError" },
  body_timeout: { code: 408, type: "RequestTimeoutError" },
  slow_reader: { code: 408, type: "RequestTimeoutError" },
  request_canceled: { code: 400, type: "BadRequestError" },
  suspect_request: { code: 422, type: "UnprocessableEntityError" },
};

const UNAVAILABLE: ErrorKind = { code: 503, type: "ServiceUnavailableError" };
const INTERNAL: ErrorKind = { code: 500, type: "InternalServerError" };

const ENGINE_ERRORS: Record<EngineError["code"], ErrorKind> = {
  engine_step_failed: INTERNAL,
  engine_dead: UNAVAILABLE,
  engine_request_timeout: { code: 504, type: "GatewayTimeoutError" },
  engine_restarting: UNAVAILABLE,
  engine_adapter_failed: INTERNAL,
  engine_sleep_failed: INTERNAL,
  engine_shutdown: UNAVAILABLE,
};

function kindOf(error: unknown): ErrorKind {
  if (error instanceof RequestError) return REQUEST_ERRORS[error.code];
  if (error instanceof EngineError) return ENGINE_ERRORS[error.code];
  return error instanceof OverloadError ? UNAVAILABLE : INTERNAL;
}

/** @returns true if an error is unexpected and must be logged; the engine logs its own errors */
export function isFault(error: unknown): boolean {
  const isExpected =
    error instanceof RequestError || error instanceof EngineError || error instanceof OverloadError;
  return !isExpected;
}

/** @returns the error as clients see it */
export function errorBody(error: unknown): ErrorBody {
  const { code, type } = kindOf(error);
  const isTyped = error instanceof Error && !isFault(error);
  const message = isTyped ? error.message : "Internal server error";
  const param = error instanceof RequestError ? error.param : null;
  return { error: { message, type, param, code } };
}
