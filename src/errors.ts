// Typed errors of the project. Each has a stable `code`; messages can change, codes do not. Mistakes of a
// client are RequestErrors, lack of room is an OverloadError, faults of the engine or its environment are
// EngineErrors, and mistakes of the operator are ConfigErrors. api/error-body.ts maps codes to what clients
// see.

/** @returns the stack of an unexpected error, for a log */
export const stackOf = (error: Error): string => error.stack ?? error.message;

/** Mistakes of a client. The `type` of the OpenAI error body follows from the code. */
export type RequestErrorCode =
  | "invalid_schema" // the body does not have the documented shape (400 "Bad Request")
  | "invalid_value" // a field's value is refused (400 "BadRequestError")
  | "context_length" // prompt or limit exceed the context (400 "BadRequestError")
  | "unsupported" // known to vLLM, not implemented in Pagoda (400 "BadRequestError")
  | "unsupported_media_type" // Content-Type is not JSON (400 "Bad Request")
  | "model_not_found" // 404 "NotFoundError"
  | "request_not_found" // no request in progress has the id (404 "NotFoundError")
  | "route_not_found" // a path that clients of other servers know (404 "NotFoundError")
  | "body_too_large" // 413
  | "body_timeout" // the body did not arrive in time (408)
  | "request_canceled" // it was canceled before the engine took it (400 "BadRequestError")
  | "suspect_request" // the engine crashed twice while it was in progress (422)
  | "slow_reader"; // too much of the answer is unread (408, in a stream that has begun)

/** A refused request. None of it was admitted, and the next request is not affected. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly code: RequestErrorCode;
  /** The body field at fault, for the `param` member of the error body. */
  readonly param: string | null;

  constructor(code: RequestErrorCode, message: string, param: string | null = null) {
    super(message);
    this.code = code;
    this.param = param;
  }
}

/** Reasons why the server has no room now (503 with Retry-After). */
export type OverloadErrorCode =
  | "queue_full" // the allowed number of requests or prompt tokens is in flight
  | "queue_timeout" // no step started to compute it within the allowed waiting time
  | "memory_low"; // the memory of the machine or the container is nearly used up

/** A refusal for lack of room. Nothing was computed, and the same request can succeed later. */
export class OverloadError extends Error {
  override readonly name = "OverloadError";
  readonly code: OverloadErrorCode;
  /** Time to wait before a retry, whole seconds. */
  readonly retryAfterS: number;

  constructor(code: OverloadErrorCode, message: string, retryAfterS: number) {
    super(message);
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

export type EngineErrorCode =
  | "engine_dead" // the engine stopped; every request ends with this
  | "engine_restarting" // it crashed or hung, and a new one is starting (503 with Retry-After)
  | "engine_step_failed" // the forward pass of a step failed, or the engine crashed in it; its requests end with this
  | "engine_request_timeout" // the request took longer than the operator allows (504)
  | "engine_sleep_failed" // a sleep or a wake-up failed; the message says why
  | "engine_shutdown"; // the server is stopping

export interface EngineErrorOptions extends ErrorOptions {
  readonly retryAfterS?: number | null;
}

/** A fault of the server, not of the client (500, or 503 once the engine is gone). */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;
  /** Time to wait before a retry, whole seconds; null = unknown. */
  readonly retryAfterS: number | null;

  constructor(code: EngineErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.retryAfterS = options.retryAfterS ?? null;
  }
}

/** @returns the error of all requests, present and future, of an engine that has stopped by itself */
export function engineDead(cause: Error): EngineError {
  return new EngineError("engine_dead", `The engine has stopped: ${cause.message}`, { cause });
}

/** @returns the error of all requests, present and future, of a server that is stopping */
export function shuttingDown(): EngineError {
  return new EngineError("engine_shutdown", "The server is shutting down.");
}

export type ConfigErrorCode =
  | "invalid_option" // a value is out of range, or does not go with another
  | "missing_option" // a command needs it
  | "unknown_option"
  | "unsupported_option" // known to vLLM, not implemented in Pagoda
  | "unknown_command"
  | "config_file" // the file of --config cannot be read
  | "invalid_version" // the vLLM version whose hidden metrics to show is invalid
  | "model_not_found" // no such file, repository or file in it
  | "no_such_quant" // the repository has no file of this quantization
  | "model_not_gguf"
  | "model_truncated" // a file of the model ends too early
  | "model_unsupported" // llama.cpp or Pagoda cannot run this model
  | "template_error" // the chat template does not parse
  | "download_failed"
  | "checksum_mismatch" // the downloaded file differs from the hub's
  | "disk_full"
  | "cannot_write" // a file cannot be written
  | "out_of_memory" // model or KV cache do not fit
  | "address_in_use"
  | "cannot_listen"
  | "no_parent" // an engine process was started by hand
  | "server_unreachable" // as a client: nothing answers
  | "key_refused" // as a client: 401
  | "request_refused" // as a client: refused for another reason
  | "context_full" // as a client: the conversation exceeds the context
  | "stream_broken"; // as a client: the answer ended early or is invalid

/** A mistake of the operator: a bad option, a missing file, a model that cannot be loaded. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigErrorCode;

  constructor(code: ConfigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
