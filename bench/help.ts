// Help text for `bun run bench --help`.

export const HELP = `bun run bench [name ...] [option ...]

names
  (none)            the gated serving workloads, compared with llama-server
  W1 .. W17         serving workloads, or variants such as W2:8 (listed in bench/README.md)
  scaling [S1 ..]   scaling checks
  probe             machine limits: memory reads, int8 and floating-point products
  kernels           matrix products, attention and sampling, relative to the probe
  streams           a thousand concurrent streams through one front end and a stub engine
  overload          three times as many requests as the server can handle
  micro, or a name  measurements in this process: bookkeeping, residency, step-gap, metrics, attention,
                    sampling, parsing, tools, shared-prefix, overcommit, speculation, lora,
                    memory

servers
  --url URL         server to measure; default: start Pagoda on a free port
  --against URL     peer; default without --url: start llama-server (bench/peers.sh)
  --model FILE      GGUF file for the servers that the bench starts; default: Pagoda's default model
  --cpu SET         avx2 or avxvnni: limit Pagoda and llama-server, or the kernels, to this instruction set
  --serve-flags F   extra options for the Pagoda server that the bench starts, e.g. "--threads 1"
  --alone           measure without a peer
  --quick           use one good configuration of llama-server instead of the best of several

runs
  --pairs N         valid pairs of slices to collect; default: set by the workload
  --slices N        slices to measure if there is no peer; default: 3
  --seed N          use different prompts, because servers cache the prompts that they have seen; default: 0
  --request-rate R  W11: requests per second; --burstiness B (1 = Poisson); --duration SECONDS
  --goodput LIMITS  latency limits in milliseconds for a request to count as good: "ttft:2000 tpot:100"

results
  --save-result FILE  JSON with the keys of \`vllm bench serve\`
  --report FILE       one HTML file with plots`;
