// Hardware options: threads and their CPUs, GPU layers and kernels. Part of the table in options.ts.

import type { OptionSpec } from "./option-spec.ts";

export const HARDWARE_OPTIONS = [
  {
    name: "threads",
    group: "Hardware",
    kind: "integer",
    fallback: null,
    min: 1,
    max: 512,
    help: "Number of compute threads. Default: one per physical core, up to the CPU quota.",
  },
  {
    name: "cpu-affinity",
    group: "Hardware",
    kind: "cpus",
    fallback: [],
    help: "CPUs to bind compute threads to, one thread per CPU in turn, e.g. 0-3,8.",
  },
  {
    name: "poll",
    group: "Hardware",
    kind: "integer",
    fallback: 1,
    min: 0,
    max: 100,
    help: "How long idle threads spin between steps; 0 = not at all, 1 = a few milliseconds.",
  },
  {
    name: "gpu-layers",
    group: "Hardware",
    kind: "integer",
    fallback: null,
    min: 0,
    words: { all: null, auto: null },
    help: "Layers to offload to a GPU, if the build supports one; -1 and auto = all. Default: all.",
  },
  {
    name: "weight-kernels",
    group: "Hardware",
    kind: "choice",
    choices: ["packed", "ggml"],
    fallback: "packed",
    help: "packed = repack quantized weights for Pagoda's kernels; ggml = use ggml's kernels.",
  },
  {
    name: "attention-backend",
    group: "Hardware",
    kind: "choice",
    choices: ["auto", "paged", "ggml"],
    fallback: "auto",
    help: "paged = read K/V through block tables; ggml = use ggml's flash attention with a mask.",
  },
] as const satisfies readonly OptionSpec[];
