// Options for LoRA adapters. Part of the table in options.ts.

import type { OptionSpec } from "./option-spec.ts";

export const LORA_OPTIONS = [
  {
    name: "enable-lora",
    group: "Model",
    kind: "flag",
    fallback: false,
    help: "Serve LoRA adapters alongside the model; see docs/lora.md.",
  },
  {
    name: "lora-modules",
    group: "Model",
    kind: "strings",
    fallback: [],
    help: 'Adapters to load, as name=path or JSON (\'{"name":"sql","path":"sql.gguf"}\').',
  },
  {
    name: "max-loras",
    group: "Model",
    kind: "integer",
    fallback: 1,
    min: 1,
    max: 255,
    unit: "adapters",
    help: "Maximum number of adapters per step; requests for more must wait.",
  },
  {
    name: "max-lora-rank",
    group: "Model",
    kind: "integer",
    fallback: 16,
    min: 1,
    max: 512,
    help: "Highest rank that an adapter can have.",
  },
  {
    name: "max-cpu-loras",
    group: "Model",
    kind: "integer",
    fallback: null,
    min: 1,
    max: 255,
    unit: "adapters",
    help: "Maximum number of adapters in memory; others are read again when needed. Default: --max-loras.",
  },
  {
    name: "allowed-lora-paths",
    group: "Model",
    kind: "strings",
    fallback: [],
    completes: "file",
    help: "Folders that adapters can be loaded from. Default: anywhere.",
  },
  {
    name: "allow-runtime-lora-updating",
    group: "Server",
    kind: "flag",
    fallback: false,
    env: "VLLM_ALLOW_RUNTIME_LORA_UPDATING",
    help: "Serve /v1/load_lora_adapter and /v1/unload_lora_adapter without an API key, too.",
  },
] as const satisfies readonly OptionSpec[];
