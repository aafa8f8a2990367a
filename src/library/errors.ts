// The package "pagoda/errors": all error classes and their codes.

export {
  ConfigError,
  type ConfigErrorCode,
  EngineError,
  type EngineErrorCode,
  OverloadError,
  type OverloadErrorCode,
  RequestError,
  type RequestErrorCode,
} from "../errors.ts";
