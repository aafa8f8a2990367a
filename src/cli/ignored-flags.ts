// vLLM flags that have no meaning here. They are accepted with a warning, so that command lines and
// files written for vLLM carry over.

export interface IgnoredFlag {
  readonly name: string;
  /** Whether a value follows it. */
  readonly takesValue: boolean;
  readonly reason: string;
}

const KV_SIZE = "--kv-cache-memory-bytes sets the KV cache";
const ONE_DEVICE = "the model runs on one machine";
const IN_GGUF = "the GGUF file decides";
const ALWAYS_ON = "it is always on";
const NOT_LOGGED = "requests are not logged";
const NO_SUCH_THING = "there is nothing like it here";

export const IGNORED_FLAGS: readonly IgnoredFlag[] = [
  { name: "gpu-memory-utilization", takesValue: true, reason: KV_SIZE },
  { name: "swap-space", takesValue: true, reason: KV_SIZE },
  { name: "cpu-offload-gb", takesValue: true, reason: KV_SIZE },
  { name: "tensor-parallel-size", takesValue: true, reason: ONE_DEVICE },
  { name: "pipeline-parallel-size", takesValue: true, reason: ONE_DEVICE },
  { name: "data-parallel-size", takesValue: true, reason: ONE_DEVICE },
  { name: "distributed-executor-backend", takesValue: true, reason: ONE_DEVICE },
  { name: "dtype", takesValue: true, reason: IN_GGUF },
  { name: "quantization", takesValue: true, reason: IN_GGUF },
  { name: "tokenizer", takesValue: true, reason: IN_GGUF },
  { name: "tokenizer-mode", takesValue: true, reason: IN_GGUF },
  { name: "load-format", takesValue: true, reason: IN_GGUF },
  { name: "trust-remote-code", takesValue: false, reason: IN_GGUF },
  { name: "enable-chunked-prefill", takesValue: false, reason: ALWAYS_ON },
  { name: "enforce-eager", takesValue: false, reason: NO_SUCH_THING },
  { name: "async-scheduling", takesValue: false, reason: NO_SUCH_THING },
  { name: "disable-log-requests", takesValue: false, reason: NOT_LOGGED },
  { name: "enable-log-requests", takesValue: false, reason: NOT_LOGGED },
  { name: "uvicorn-log-level", takesValue: true, reason: NO_SUCH_THING },
  { name: "disable-uvicorn-access-log", takesValue: false, reason: NO_SUCH_THING },
];

/** @param name in kebab case, with or without "no-" */
export function ignoredFlag(name: string): IgnoredFlag | undefined {
  const plain = name.replace(/^no-/, "");
  return IGNORED_FLAGS.find((flag) => flag.name === plain);
}
