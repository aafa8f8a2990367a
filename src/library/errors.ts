// The package "pagoda/errors": every error with its codes.

export {
  ConfigError,
  EngineError,
  type EngineErrorCode,
  OverloadError,
  type OverloadErrorCode,
  RequestError,
  type RequestErrorCode,
} from "../errors.ts";
