// vLLM flags that have no effect in Pagoda. They are accepted with a warning, so command lines and
// config files written for vLLM keep working. If a flag changes what clients see in vLLM, the
// reason states what Pagoda does instead. Flags are refused (unbuilt-flags.ts) if clients would
// rely on the feature, or if ignoring the flag would leave a server less secure than expected.

export interface IgnoredFlag {
  readonly name: string;
  /** Short form with its dash, such as "-tp". */
  readonly short: string | null;
  /** Maximum number of words that the flag takes as its value; Infinity for lists. */
  readonly maxWords: number;
  readonly reason: string;
}

/**
 * Names by reason. "=" marks flags that take one value, "=+" marks flags that take several words,
 * and "|" precedes a short form.
 */
const BY_REASON: Readonly<Record<string, string>> = {
  "--kv-cache-memory-bytes sets the KV cache": `
    gpu-memory-utilization= swap-space= cpu-offload-gb=`,
  "adapters are kept in the type of their file": `
    lora-dtype=`,
  "models run on a single machine": `
    fully-sharded-loras
    tensor-parallel-size=|-tp pipeline-parallel-size=|-pp data-parallel-size=|-dp data-parallel-rank=|-dpn
    data-parallel-size-local=|-dpl data-parallel-start-rank=|-dpr data-parallel-address=|-dpa data-parallel-rpc-port=|-dpp
    data-parallel-backend=|-dpb decode-context-parallel-size=|-dcp distributed-executor-backend= nnodes=
    node-rank=|-r master-addr= master-port= enable-expert-parallel all2all-backend= enable-eplb
    disable-custom-all-reduce headless api-server-count=|-asc prefill-context-parallel-size=|-pcp
    dcp-kv-cache-interleave-size= cp-kv-cache-interleave-size= data-parallel-hybrid-lb|-dph
    data-parallel-external-lb|-dpe enable-dbo ubatch-size= dbo-decode-token-threshold=
    dbo-prefill-token-threshold= eplb-config= expert-placement-strategy= ray-workers-use-nsight`,
  "the GGUF file determines it": `
    dtype= quantization=|-q tokenizer= tokenizer-mode= tokenizer-revision= code-revision= load-format=
    trust-remote-code hf-config-path= hf-overrides= config-format= model-impl=
    safetensors-load-strategy= model-loader-extra-config= ignore-patterns=+ pt-load-map-location=
    override-attention-dtype= disable-sliding-window`,
  "it is always on": `
    enable-chunked-prefill enable-auto-tool-choice`,
  "requests are not logged without --enable-log-requests": `
    disable-log-requests`,
  "the log level and format are fixed": `
    log-config-file=`,
  "set HF_HUB_CACHE or HF_HOME to choose where models are stored": `
    download-dir=`,
  "set HF_TOKEN in the environment": `
    hf-token=`,
  "certificates are read at startup; restart the server to renew them": `
    enable-ssl-refresh`,
  "request headers are limited to 16 KiB and 198 lines": `
    h11-max-incomplete-event-size= h11-max-header-count=`,
  "llguidance enforces every grammar; requests choose the options": `
    structured-outputs-config=`,
  "the feature is not supported yet": `
    tool-parser-plugin= reasoning-parser-plugin=
    otlp-traces-endpoint= collect-detailed-traces=+ limit-mm-per-prompt=
    mm-processor-kwargs= media-io-kwargs= mm-processor-cache-gb= mm-processor-cache-type=
    mm-shm-cache-max-object-size-mb= mm-encoder-tp-mode= interleave-mm-strings skip-mm-profiling
    video-pruning-rate= allowed-local-media-path= allowed-media-domains=+ pooler-config=
    kv-offloading-backend=`,
  "Pagoda has no equivalent": `
    enforce-eager async-scheduling compilation-config=|-cc optimization-level=|-O additional-config=
    scheduler-cls= worker-cls= max-parallel-loading-workers= disable-cascade-attn use-tqdm-on-load
    disable-hybrid-kv-cache-manager disable-frontend-multiprocessing
    prefix-caching-hash-algo= max-long-partial-prefills=
    calculate-kv-scales kv-sharing-fast-prefill cudagraph-capture-sizes=+
    max-cudagraph-capture-size= cudagraph-metrics enable-layerwise-nvtx-tracing profiler-config=
    worker-extension-cls= mamba-cache-dtype= mamba-ssm-cache-dtype= mamba-block-size= io-processor-plugin=
    logits-processor-pattern= aggregate-engine-logging log-error-stack`,
};

export const IGNORED_FLAGS: readonly IgnoredFlag[] = Object.entries(BY_REASON).flatMap(
  ([reason, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((text) => flagOf(text, reason)),
);

function flagOf(text: string, reason: string): IgnoredFlag {
  const [spelling = "", short = null] = text.split("|");
  const [name = "", value] = spelling.split("=");
  const maxWords = value === undefined ? 0 : value === "+" ? Number.POSITIVE_INFINITY : 1;
  return { name, short, maxWords, reason };
}

/**
 * @param name in kebab case, with or without "no-", or a short form with its dash; either can have
 * a path into a JSON value ("compilation-config.level", "-cc.mode")
 */
export function ignoredFlag(name: string): IgnoredFlag | undefined {
  // The level can be attached, as in -O3.
  const level = /^-O\d$/.test(name) ? ignoredFlag("-O") : undefined;
  if (level !== undefined) return { ...level, maxWords: 0 };
  const plain = name.replace(/^no-/, "").split(".")[0];
  return IGNORED_FLAGS.find((flag) => flag.name === plain || flag.short === plain);
}
