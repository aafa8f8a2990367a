// Hardware options: threads and their CPUs, GPU layers, kernels. Part of the table in options.ts.

import type { OptionSpec } from "./option-spec.ts";

export const HARDWARE_OPTIONS = [
  {
    name: "threads",
    group: "Hardware",
    kind: "integer",
    fallback: null,
    min: 1,
    max: 512,
    help: "Threads of the forward pass. Default: physical cores, up to the CPU quota.",
  },
  {
    name: "cpu-affinity",
    group: "Hardware",
    kind: "cpus",
    fallback: [],
    help: "CPUs to bind these threads to, one thread per CPU in turn, e.g. 0-3,8.",
  },
  {
    name: "poll",
    group: "Hardware",
    kind: "integer",
    fallback: 1,
    min: 0,
    max: 100,
    help: "How long idle threads spin between steps; 0 = not at all, 1 = milliseconds.",
  },
  {
    name: "gpu-layers",
    group: "Hardware",
    kind: "integer",
    fallback: null,
    min: 0,
    words: { all: null, auto: null },
    help: "Layers to offload if a GPU backend is built in; -1 and auto = all. Default: all.",
  },
  {
    name: "weight-kernels",
    group: "Hardware",
    kind: "choice",
    choices: ["packed", "ggml"],
    fallback: "packed",
    help: "packed = quantized weights are repacked for Pagoda's kernels; ggml = ggml's kernels.",
  },
  {
    name: "attention-backend",
    group: "Hardware",
    kind: "choice",
    choices: ["auto", "paged", "ggml"],
    fallback: "auto",
    help: "paged = read K/V through block tables; ggml = flash attention with a mask.",
  },
] as const satisfies readonly OptionSpec[];
