// Every option once: flag, environment variable, YAML key, type, default, unit, bounds, help. Help text,
// docs/options.md and parsing are made from this table. Names are vLLM's where vLLM has the option.

export type OptionGroup =
  | "Model"
  | "Memory"
  | "Scheduling"
  | "Server"
  | "Metrics and logs"
  | "Other";

/** Null = decided at start from the model and the machine. */
export type OptionValue = string | number | boolean | readonly string[] | readonly number[] | null;

export interface OptionSpec {
  /** Kebab case: `--name`, YAML key `name`, environment `PAGODA_NAME`. */
  readonly name: string;
  readonly group: OptionGroup;
  readonly kind: "string" | "strings" | "integer" | "size" | "number" | "flag" | "choice" | "cpus";
  readonly fallback: OptionValue;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Of a "number": the value is greater than this. */
  readonly above?: number;
  readonly unit?: string;
  /** A further environment variable that is read. */
  readonly env?: string;
  /** Never printed. */
  readonly isSecret?: true;
  readonly help: string;
}

export const DEFAULT_MODEL = "SmolLM2-135M-Instruct";

export const OPTIONS = [
  {
    name: "model",
    group: "Model",
    kind: "string",
    fallback: DEFAULT_MODEL,
    help: "GGUF file, or user/repo:quant of the Hugging Face hub; also as first argument.",
  },
  {
    name: "served-model-name",
    group: "Model",
    kind: "strings",
    fallback: [],
    help: "Names the API accepts; the first is reported. Default: the model's file name.",
  },
  {
    name: "max-model-len",
    group: "Model",
    kind: "size",
    fallback: null,
    min: 16,
    unit: "tokens",
    help: "Longest prompt plus output. Default: the model's, as far as the KV cache holds it.",
  },
  {
    name: "chat-template",
    group: "Model",
    kind: "string",
    fallback: "",
    help: "Jinja text or file that replaces the model's chat template.",
  },
  {
    name: "seed",
    group: "Model",
    kind: "integer",
    fallback: 0,
    min: 0,
    help: "Seed of requests that bring none.",
  },
  {
    name: "kv-cache-memory-bytes",
    group: "Memory",
    kind: "size",
    fallback: null,
    min: 1,
    unit: "bytes",
    help: "Size of the KV cache, e.g. 2G. Default: what is useful, at most 1/4 of free memory.",
  },
  {
    name: "num-gpu-blocks-override",
    group: "Memory",
    kind: "integer",
    fallback: null,
    min: 2,
    unit: "blocks",
    help: "Exact number of KV blocks, the null block included.",
  },
  {
    name: "block-size",
    group: "Memory",
    kind: "integer",
    fallback: 16,
    min: 1,
    max: 64,
    unit: "tokens",
    help: "Tokens of a KV block.",
  },
  {
    name: "kv-cache-dtype",
    group: "Memory",
    kind: "choice",
    choices: ["auto", "f16", "f32", "q8_0"],
    fallback: "auto",
    help: "Type of K and V in the cache; auto is f16, q8_0 about half of it.",
  },
  {
    name: "enable-prefix-caching",
    group: "Memory",
    kind: "flag",
    fallback: true,
    help: "Share KV blocks of equal prefixes between requests.",
  },
  {
    name: "max-num-seqs",
    group: "Scheduling",
    kind: "integer",
    fallback: 128,
    min: 1,
    max: 256,
    unit: "requests",
    help: "Most requests computed in one step.",
  },
  {
    name: "max-num-batched-tokens",
    group: "Scheduling",
    kind: "size",
    fallback: 512,
    min: 1,
    max: 65536,
    unit: "tokens",
    help: "Token budget of a step; longer prompts are computed in chunks.",
  },
  {
    name: "long-prefill-token-threshold",
    group: "Scheduling",
    kind: "size",
    fallback: 0,
    min: 0,
    unit: "tokens",
    help: "Most tokens of one request a step; 0 = no limit but the budget.",
  },
  {
    name: "target-inter-token-latency-ms",
    group: "Scheduling",
    kind: "integer",
    fallback: null,
    min: 0,
    unit: "ms",
    help: "Longest step beside a stream; 0 = no limit. Default: 80, or 4 decode steps.",
  },
  {
    name: "scheduling-policy",
    group: "Scheduling",
    kind: "choice",
    choices: ["fcfs", "priority"],
    fallback: "fcfs",
    help: "Order of waiting requests, and who gives way when blocks run out.",
  },
  {
    name: "max-num-queued-reqs",
    group: "Scheduling",
    kind: "integer",
    fallback: 4096,
    min: 1,
    unit: "requests",
    help: "Most requests in flight (n counts); beyond it the answer is 503.",
  },
  {
    name: "threads",
    group: "Scheduling",
    kind: "integer",
    fallback: null,
    min: 1,
    max: 512,
    help: "Threads of the forward pass. Default: physical cores, at most the CPU quota.",
  },
  {
    name: "cpu-affinity",
    group: "Scheduling",
    kind: "cpus",
    fallback: [],
    help: "CPUs that these threads are bound to, one each in turn, e.g. 0-3,8.",
  },
  {
    name: "poll",
    group: "Scheduling",
    kind: "integer",
    fallback: 1,
    min: 0,
    max: 100,
    help: "How long they keep a core between steps; 0 = not at all, 1 = milliseconds.",
  },
  {
    name: "gpu-layers",
    group: "Scheduling",
    kind: "integer",
    fallback: -1,
    min: -1,
    help: "Layers on a GPU, where a GPU backend is built in; -1 = all.",
  },
  {
    name: "weight-kernels",
    group: "Scheduling",
    kind: "choice",
    choices: ["packed", "ggml"],
    fallback: "packed",
    help: "packed: quantised weights are packed at load for our kernels; ggml: its own.",
  },
  {
    name: "attention-backend",
    group: "Scheduling",
    kind: "choice",
    choices: ["auto", "paged", "ggml"],
    fallback: "auto",
    help: "paged reads K/V through block tables; ggml uses flash attention with a mask.",
  },
  {
    name: "host",
    group: "Server",
    kind: "string",
    fallback: "127.0.0.1",
    help: "Address to listen on; 0.0.0.0 opens the server to the network.",
  },
  {
    name: "port",
    group: "Server",
    kind: "integer",
    fallback: 8000,
    min: 0,
    max: 65535,
    help: "Port to listen on; 0 = any free one.",
  },
  {
    name: "api-key",
    group: "Server",
    kind: "strings",
    fallback: [],
    env: "VLLM_API_KEY",
    isSecret: true,
    help: "Keys that /v1 accepts as bearer token; may be repeated.",
  },
  {
    name: "shutdown-timeout",
    group: "Server",
    kind: "integer",
    fallback: 25,
    min: 0,
    unit: "seconds",
    help: "Time that answers in progress get after SIGTERM or Ctrl-C.",
  },
  {
    name: "max-logprobs",
    group: "Server",
    kind: "integer",
    fallback: 20,
    min: 0,
    max: 20,
    help: "Most log-probabilities a request may ask for at a position.",
  },
  {
    name: "enable-sleep-mode",
    group: "Server",
    kind: "flag",
    fallback: false,
    help: "Let /sleep free the KV cache and the weights, and /wake_up bring them back.",
  },
  {
    name: "server-dev-mode",
    group: "Server",
    kind: "flag",
    fallback: false,
    env: "VLLM_SERVER_DEV_MODE",
    help: "Operator's routes (/sleep and more) also without /v1; see docs/operation.md.",
  },
  {
    name: "disable-log-stats",
    group: "Metrics and logs",
    kind: "flag",
    fallback: false,
    help: "No statistics: neither the vllm: metrics nor the line every 10 s.",
  },
  {
    name: "show-hidden-metrics-for-version",
    group: "Metrics and logs",
    kind: "string",
    fallback: null,
    help: "Show metrics that were hidden since this version, e.g. 0.12.",
  },
  {
    name: "kv-cache-metrics",
    group: "Metrics and logs",
    kind: "flag",
    fallback: false,
    help: "Sample how long KV blocks live, idle and wait between hits.",
  },
  {
    name: "kv-cache-metrics-sample",
    group: "Metrics and logs",
    kind: "number",
    fallback: 0.01,
    above: 0,
    max: 1,
    help: "Share of KV block allocations that are sampled.",
  },
  {
    name: "config",
    group: "Other",
    kind: "string",
    fallback: null,
    help: "YAML file with options; flags and environment win over it.",
  },
] as const satisfies readonly OptionSpec[];

export type OptionName = (typeof OPTIONS)[number]["name"];
type SpecOf<N extends OptionName> = Extract<(typeof OPTIONS)[number], { name: N }>;
type BaseOf<S extends OptionSpec> = S["kind"] extends "strings"
  ? readonly string[]
  : S["kind"] extends "cpus"
    ? readonly number[]
    : S["kind"] extends "flag"
      ? boolean
      : S["kind"] extends "integer" | "size" | "number"
        ? number
        : S extends { choices: readonly (infer C)[] }
          ? C
          : string;
type ValueOf<S extends OptionSpec> = S["fallback"] extends null ? BaseOf<S> | null : BaseOf<S>;

/** All options by name, checked. */
export type ServeOptions = { readonly [N in OptionName]: ValueOf<SpecOf<N>> };

export function optionSpec(name: string): OptionSpec | undefined {
  return OPTIONS.find((option) => option.name === name);
}

export function envName(option: OptionSpec): string {
  return `PAGODA_${option.name.toUpperCase().replaceAll("-", "_")}`;
}
