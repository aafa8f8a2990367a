// Converts an error to a plain record and back. The class, code and message are preserved, so the other side can handle
// the error as if it had been thrown there.

import {
  ConfigError,
  type ConfigErrorCode,
  EngineError,
  type EngineErrorCode,
  OverloadError,
  type OverloadErrorCode,
  RequestError,
  type RequestErrorCode,
} from "../../errors.ts";

export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  /** The error's code; null if it has none. */
  readonly code: string | null;
  readonly param: string | null;
  /** llama.cpp's return value, for a native error. */
  readonly status: number | null;
  readonly retryAfterS: number | null;
  readonly stack: string | null;
}

type Field = "code" | "param" | "status" | "retryAfterS";

export function errorRecord(error: unknown): ErrorRecord {
  if (!(error instanceof Error)) return errorRecord(new Error(String(error)));
  const { code, param, status, retryAfterS } = error as Partial<Record<Field, unknown>>;
  return {
    name: error.name,
    message: error.message,
    code: typeof code === "string" ? code : null,
    param: typeof param === "string" ? param : null,
    status: typeof status === "number" ? status : null,
    retryAfterS: typeof retryAfterS === "number" ? retryAfterS : null,
    stack: error.stack ?? null,
  };
}

export function errorOf(record: ErrorRecord): Error {
  const error = typedError(record);
  // The stack from where the error was thrown is more useful than the receiver's.
  if (record.stack !== null) error.stack = record.stack;
  return error;
}

function typedError(record: ErrorRecord): Error {
  const { name, message, code, param, status, retryAfterS } = record;
  if (code === null) return Object.assign(new Error(message), { name });
  switch (name) {
    case "RequestError":
      return new RequestError(code as RequestErrorCode, message, param);
    case "EngineError":
      return new EngineError(code as EngineErrorCode, message, { retryAfterS });
    case "OverloadError":
      return new OverloadError(code as OverloadErrorCode, message, retryAfterS ?? 1);
    case "ConfigError":
      return new ConfigError(code as ConfigErrorCode, message);
    default: {
      const native = { name, code, ...(status === null ? {} : { status }) };
      return Object.assign(new Error(message), native);
    }
  }
}
