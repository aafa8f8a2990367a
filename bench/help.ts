// The text of `bun run bench --help`.

export const HELP = `bun run bench [word ...] [option ...]

words
  (none)            the serving workloads that have a gate, against llama-server
  W1 .. W15         serving workloads; W2:8 is a variant (bench/README.md lists them)
  scaling [S1 ..]   scaling checks
  probe             what this machine can do: memory read, products of int8 and floating point
  kernels           matrix products, attention and sampling as shares of the probe
  streams           a thousand streams at a time through one front, over a stub engine
  overload          three times as many requests as can be answered
  micro, or a name  measurements in this process: bookkeeping, residency, step-gap, metrics, attention,
                    shared-prefix, overcommit, memory

servers
  --url URL         the server to measure; without it Pagoda is started on a free port
  --against URL     the peer; without it, and without --url, llama-server is started (bench/peers.sh)
  --model FILE      GGUF file for the servers that are started; default: the default model
  --cpu SET         avx2 or avxvnni: Pagoda and llama-server, or the kernels, without what is above it
  --serve-flags F   further options of that Pagoda, e.g. "--threads 1"
  --alone           no peer
  --quick           one good configuration of llama-server instead of the best of several

runs
  --pairs N         pairs of slices that must count; default: what the workload says
  --slices N        slices of a server that is measured alone; default: 3
  --seed N          other prompts: a server that has seen them has them cached; default: 0
  --request-rate R  of W11, requests a second; --burstiness B (1 = Poisson); --duration SECONDS
  --goodput LIMITS  "ttft:2000 tpot:100": what counts as a good request, milliseconds

results
  --save-result FILE  JSON with the keys of \`vllm bench serve\`
  --report FILE       one HTML file with plots`;
