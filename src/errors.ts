// Typed errors. Each has a stable `code`; messages can change, codes do not. Client errors are RequestErrors, lack of
// capacity is an OverloadError, failures of the engine or its environment are EngineErrors, and operator errors are
// ConfigErrors. api/error-body.ts maps codes to the errors that clients see.

/** @returns an unexpected error's stack, for the log */
export const stackOf = (error: Error): string => error.stack ?? error.message;

/** Codes of client errors. The code determines the `type` in the OpenAI error body. */
export type RequestErrorCode =
  | "invalid_schema" // the body does not have the documented shape (400 "Bad Request")
  | "invalid_value" // a field's value is refused (400 "BadRequestError")
  | "context_length" // the prompt or the token limit exceeds the context (400 "BadRequestError")
  | "unsupported" // known to vLLM, not implemented in Pagoda (400 "BadRequestError")
  | "unsupported_media_type" // Content-Type is not JSON (400 "Bad Request")
  | "model_not_found" // 404 "NotFoundError"
  | "request_not_found" // no request in progress has the id (404 "NotFoundError")
  | "response_not_found" // the key has no stored response or item with the id (404 "invalid_request_error")
  | "adapter_not_found" // there is no adapter with the name, or no file at its path (404 "NotFoundError")
  | "adapter_name" // the name or path is missing, or the name is taken or invalid (400 "InvalidUserInput")
  | "adapter_refused" // the adapter does not fit the model, or its file is invalid (400 "BadRequestError")
  | "route_not_found" // a path that other servers have (404 "NotFoundError")
  | "body_too_large" // 413
  | "body_timeout" // the body did not arrive in time (408)
  | "request_canceled" // the request was canceled before the engine accepted it (400 "BadRequestError")
  | "suspect_request" // the engine crashed repeatedly while the request was in progress (422)
  | "slow_reader"; // too much of the response is unread (408, in a stream that has begun)

/** A refused request. No part of it was admitted, and later requests are not affected. */
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

/** Reasons that the server has no capacity now (503 with Retry-After). */
export type OverloadErrorCode =
  | "queue_full" // the allowed number of requests or prompt tokens is in flight
  | "queue_timeout" // no step began to compute the request within the allowed waiting time
  | "memory_low"; // the memory of the machine or the container is nearly used up

/** A refusal for lack of capacity. Nothing was computed, and the same request can succeed later. */
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
  | "engine_restarting" // the engine crashed or hung, and a new one is starting (503 with Retry-After)
  | "engine_step_failed" // a step failed, or the engine crashed during it; the step's requests end with this
  | "engine_request_timeout" // the request took longer than the operator allows (504)
  | "engine_adapter_failed" // a request's adapter can no longer be loaded; the log says why (500)
  | "engine_sleep_failed" // a sleep or a wake-up failed; the message says why
  | "engine_shutdown"; // the server is stopping

export interface EngineErrorOptions extends ErrorOptions {
  readonly retryAfterS?: number | null;
}

/** A failure of the server, not of the client (500, or 503 once the engine has stopped). */
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

/** @returns the error for all current and future requests to an engine that has stopped by itself */
export function engineDead(cause: Error): EngineError {
  return new EngineError("engine_dead", `The engine has stopped: ${cause.message}`, { cause });
}

/** @returns the error for all current and future requests to a server that is stopping */
export function shuttingDown(): EngineError {
  return new EngineError("engine_shutdown", "The server is shutting down.");
}

export type ConfigErrorCode =
  | "invalid_option" // a value is out of range or conflicts with another option
  | "missing_option" // a command requires the option
  | "unknown_option"
  | "unsupported_option" // known to vLLM, not implemented in Pagoda
  | "unknown_command"
  | "config_file" // the --config file cannot be read
  | "invalid_version" // --show-hidden-metrics-for-version is not a valid version
  | "model_not_found" // no such file or repository, or no such file in the repository
  | "no_such_quant" // the repository has no file of this quantization
  | "model_not_gguf"
  | "model_truncated" // one of the model's files is incomplete
  | "model_unsupported" // llama.cpp or Pagoda cannot run this model
  | "adapter_failed" // a LoRA adapter cannot be loaded
  | "template_error" // the chat template does not parse
  | "download_failed"
  | "checksum_mismatch" // the downloaded file differs from the hub's
  | "disk_full"
  | "cannot_write" // a file cannot be written
  | "out_of_memory" // the model or the KV cache does not fit
  | "address_in_use"
  | "cannot_listen"
  | "no_parent" // an engine process was started by hand
  | "server_unreachable" // as a client: no server responds
  | "key_refused" // as a client: 401
  | "request_refused" // as a client: refused for another reason
  | "context_full" // as a client: the conversation exceeds the context
  | "stream_broken"; // as a client: the response ended early or is invalid

/** An operator error, such as a bad option, a missing file, or a model that cannot be loaded. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigErrorCode;

  constructor(code: ConfigErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
