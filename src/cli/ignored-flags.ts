// vLLM flags that have no meaning here. They are accepted with a warning, so that command lines and
// files written for vLLM carry over. Where a flag changes what a client sees, the reason says what applies
// instead. Flags that would leave a server less safe than its operator believes (--middleware) are not listed
// here: they are refused, and so are those that switch on what is not built (unbuilt-flags.ts).

export interface IgnoredFlag {
  readonly name: string;
  /** With its dash, e.g. "-tp". */
  readonly short: string | null;
  /** Whether a value follows it. */
  readonly takesValue: boolean;
  readonly reason: string;
}

/** By reason: names, with "=" those that take a value, after "|" a short form. */
const BY_REASON: Readonly<Record<string, string>> = {
  "--kv-cache-memory-bytes sets the KV cache": `
    gpu-memory-utilization= swap-space= cpu-offload-gb=`,
  "the model runs on one machine": `
    tensor-parallel-size=|-tp pipeline-parallel-size=|-pp data-parallel-size=|-dp data-parallel-rank=|-dpn
    data-parallel-size-local=|-dpl data-parallel-start-rank= data-parallel-address= data-parallel-rpc-port=
    data-parallel-backend= decode-context-parallel-size=|-dcp distributed-executor-backend= nnodes=
    node-rank= master-addr= master-port= enable-expert-parallel all2all-backend= enable-eplb
    disable-custom-all-reduce headless api-server-count=|-asc prefill-context-parallel-size=|-pcp
    dcp-kv-cache-interleave-size= cp-kv-cache-interleave-size= data-parallel-hybrid-lb
    data-parallel-external-lb enable-dbo ubatch-size= dbo-decode-token-threshold=
    dbo-prefill-token-threshold= eplb-config= expert-placement-strategy= ray-workers-use-nsight`,
  "the GGUF file decides": `
    dtype= quantization= tokenizer= tokenizer-mode= tokenizer-revision= code-revision= load-format=
    trust-remote-code hf-config-path= hf-overrides= config-format= model-impl=
    safetensors-load-strategy= model-loader-extra-config= ignore-patterns= pt-load-map-location=
    override-attention-dtype= disable-sliding-window`,
  "it is always on": `
    enable-chunked-prefill enable-prompt-tokens-details`,
  "requests are logged only with --enable-log-requests": `
    disable-log-requests`,
  "outputs are never logged": `
    enable-log-outputs`,
  "there is no log of accesses; --enable-log-requests has a line at the end of each answer": `
    disable-uvicorn-access-log disable-access-log-for-endpoints=`,
  "logs have one level and one form": `
    uvicorn-log-level= log-config-file=`,
  "HF_HUB_CACHE or HF_HOME says where models are kept": `
    download-dir=`,
  "HF_TOKEN in the environment is read": `
    hf-token=`,
  "certificates are read at the start: start again to renew them": `
    enable-ssl-refresh`,
  "the parts of a message reach the template as one text": `
    chat-template-content-format=`,
  "answers carry no X-Request-Id": `
    enable-request-id-headers`,
  "streams tell their usage where stream_options asks for it": `
    enable-force-include-usage`,
  "the role of answers is assistant": `
    response-role=`,
  "tokens of log-probabilities are shown as text unless a request has return_tokens_as_token_ids": `
    return-tokens-as-token-ids`,
  "there is no /load": `
    enable-server-load-tracking`,
  "there is no /tokenizer_info": `
    enable-tokenizer-info-endpoint`,
  "log-probabilities are raw_logprobs": `
    logprobs-mode=`,
  "headers may be 16 KiB in 198 lines": `
    h11-max-incomplete-event-size= h11-max-header-count=`,
  "requests carry chat_template_kwargs of their own": `
    default-chat-template-kwargs=`,
  "what it tunes is not built here yet": `
    max-loras= max-lora-rank= fully-sharded-loras max-cpu-loras= lora-dtype= tool-call-parser=
    tool-parser-plugin= exclude-tools-when-tool-choice-none reasoning-parser-plugin=
    structured-outputs-config= otlp-traces-endpoint= collect-detailed-traces= limit-mm-per-prompt=
    mm-processor-kwargs= media-io-kwargs= mm-processor-cache-gb= mm-processor-cache-type=
    mm-shm-cache-max-object-size-mb= mm-encoder-tp-mode= interleave-mm-strings skip-mm-profiling
    video-pruning-rate= allowed-local-media-path= allowed-media-domains= pooler-config=
    kv-offloading-backend=`,
  "there is nothing like it here": `
    enforce-eager async-scheduling compilation-config=|-cc optimization-level=|-O additional-config=
    scheduler-cls= worker-cls= max-parallel-loading-workers= disable-cascade-attn use-tqdm-on-load
    disable-hybrid-kv-cache-manager disable-frontend-multiprocessing
    stream-interval= prefix-caching-hash-algo= max-long-partial-prefills=
    disable-fastapi-docs calculate-kv-scales kv-sharing-fast-prefill cudagraph-capture-sizes=
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
  const name = spelling.replace("=", "");
  return { name, short, takesValue: spelling.endsWith("="), reason };
}

/**
 * @param name in kebab case, with or without "no-", or a short form, with its dash; and either with or without
 * a path into a JSON value ("compilation-config.level", "-cc.mode")
 */
export function ignoredFlag(name: string): IgnoredFlag | undefined {
  // The level may follow its letter.
  const level = /^-O\d$/.test(name) ? ignoredFlag("-O") : undefined;
  if (level !== undefined) return { ...level, takesValue: false };
  const plain = name.replace(/^no-/, "").split(".")[0];
  return IGNORED_FLAGS.find((flag) => flag.name === plain || flag.short === plain);
}
