// The package "pagoda/errors": every error with its codes.

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
