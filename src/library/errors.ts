// The package "pagoda/errors": every error with its codes.

export {
  ConfigError,
  EngineError,
  type EngineErrorCode,
  RequestError,
  type RequestErrorCode,
} from "../errors.ts";
