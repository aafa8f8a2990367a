// Errors for adapters whose files cannot be used. The codes extend those of the addon's loadAdapter().

export type AdapterErrorCode =
  | "adapter_not_found" // no file at the path, or no adapter in the folder
  | "adapter_config" // adapter_config.json is not JSON, or has an invalid value
  | "adapter_truncated" // the tensor file is incomplete
  | "adapter_format" // the tensor file is not in safetensors format
  | "adapter_tensor" // a tensor that the model does not have, or that lacks its partner
  | "adapter_unsupported"; // a kind of adapter that Pagoda cannot compute

export class AdapterError extends Error {
  override readonly name = "AdapterError";
  readonly code: AdapterErrorCode;

  constructor(code: AdapterErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
