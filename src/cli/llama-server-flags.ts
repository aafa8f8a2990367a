// Hints for llama-server flags that have no equivalent in Pagoda and are not in familiar-names.ts. A test compares this
// list with the pinned llama.cpp's flags.

/** Names by hint; see HINTS in familiar-names.ts. */
export const LLAMA_SERVER_HINTS: Readonly<Record<string, string>> = {
  "--speculative-config sets up speculative decoding and names the draft model": `
    -md --model-draft -lcs --lookup-cache-static -lcd --lookup-cache-dynamic -hfd -hfrd --hf-repo-draft -td --threads-draft
    -tbd --threads-batch-draft -Cd --cpu-mask-draft -Crd --cpu-range-draft --cpu-strict-draft --prio-draft
    --poll-draft -Cbd --cpu-mask-batch-draft --cpu-strict-batch-draft --prio-batch-draft --poll-batch-draft
    -ctkd --cache-type-k-draft -ctvd --cache-type-v-draft -otd --override-tensor-draft -cmoed
    --cpu-moe-draft -ncmoed --n-cpu-moe-draft --draft-p-split --draft-p-min -devd --device-draft -ngld
    --gpu-layers-draft --n-gpu-layers-draft --draft --draft-n --draft-max --draft-min --draft-n-min
    --spec-draft-hf --spec-draft-threads --spec-draft-threads-batch --spec-draft-cpu-mask
    --spec-draft-cpu-range --spec-draft-cpu-strict --spec-draft-prio --spec-draft-poll
    --spec-draft-cpu-mask-batch --spec-draft-cpu-strict-batch --spec-draft-prio-batch
    --spec-draft-poll-batch --spec-draft-type-k --spec-draft-type-v --spec-draft-override-tensor
    --spec-draft-cpu-moe --spec-draft-n-cpu-moe --spec-draft-ncmoe --spec-draft-n-max --spec-draft-n-min
    --spec-draft-p-split --spec-draft-p-min --spec-draft-backend-sampling --no-spec-draft-backend-sampling
    --spec-draft-device --spec-draft-ngl --spec-draft-model --spec-synth-len --spec-synth-rates --spec-type
    --spec-ngram-mod-n-min --spec-ngram-mod-n-max --spec-ngram-mod-n-match --spec-ngram-simple-size-n
    --spec-ngram-simple-size-m --spec-ngram-simple-min-hits --spec-ngram-map-k-size-n
    --spec-ngram-map-k-size-m --spec-ngram-map-k-min-hits --spec-ngram-map-k4v-size-n
    --spec-ngram-map-k4v-size-m --spec-ngram-map-k4v-min-hits --spec-ngram-size-n --spec-ngram-size-m
    --spec-ngram-min-hits --spec-default --fim-qwen-7b-spec --fim-qwen-14b-spec`,
  "images and audio are not supported yet": `
    -mmu --mmproj-url --mmproj-auto --no-mmproj --no-mmproj-auto --mmproj-offload --no-mmproj-offload -mmdev
    --mmproj-device --image-min-tokens --image-max-tokens --mtmd-batch-max-tokens --video-fps
    --video-timestamp-interval --video-ffmpeg-dir --media-path`,
  "--reasoning-parser and --tool-call-parser choose formats, and none leaves them as text": `
    --reasoning-format --skip-chat-parsing --no-skip-chat-parsing`,
  "--default-chat-template-kwargs '{\"enable_thinking\": false}' turns reasoning off": `
    -rea --reasoning`,
  "--reasoning-budget ends reasoning without a message": "--reasoning-budget-message",
  "tools that the server runs are not supported yet": `
    --tools --tools-runtime --mcp-servers-config --mcp-servers-json -ag --agent -no-ag --no-agent`,
  "it is not supported yet": `
    --samplers --sampler-seq --sampling-seq --top-nsigma --top-n-sigma --xtc-probability --xtc-threshold
    --typical --typical-p --repeat-last-n --dry-multiplier --dry-base --dry-allowed-length
    --dry-penalty-last-n --dry-sequence-breaker --adaptive-target --adaptive-decay --dynatemp-range
    --dynatemp-exp --mirostat --mirostat-lr --mirostat-ent -j -jf --json-schema-file --control-vector
    --control-vector-scaled --control-vector-layer-range --embd-normalize --slot-save-path`,
  "each request chooses its adapter as its model": "--lora-init-without-apply",
  "set logit_bias in each request": "--logit-bias",
  "set stop in each request": "--reverse-prompt",
  "set skip_special_tokens in each request": "-sp --special",
  "set continue_final_message in each request": "--prefill-assistant --no-prefill-assistant",
  "--default-chat-template-kwargs sets chat template variables": `
    --chat-template-kwargs --reasoning-effort --reasoning-preserve --no-reasoning-preserve`,
  "the model file sets it, and Pagoda cannot override it": `
    --override-kv --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --yarn-orig-ctx
    --yarn-ext-factor --yarn-attn-factor --yarn-beta-slow --yarn-beta-fast`,
  "--gpu-layers offloads whole layers, including their KV cache": `
    -ot --override-tensor -cmoe --cpu-moe -ncmoe --n-cpu-moe -ncffn --n-cpu-ffn -kvo --kv-offload -nkvo
    --no-kv-offload`,
  "sizes are fitted to free memory unless --kv-cache-memory-bytes or --max-model-len sets them": `
    -fit --fit -fitt --fit-target -fitc --fit-ctx`,
  "--weight-kernels selects the kernels": "--repack -nr --no-repack",
  "all requests share the prefix cache, and --kv-cache-memory-bytes sets its size": `
    -cram --cache-ram --cache-idle-slots --no-cache-idle-slots -sps --slot-prompt-similarity -ctxcp
    --ctx-checkpoints --swa-checkpoints -cms --checkpoint-min-step`,
  "all requests share the KV cache; remove it": "-no-kvu --no-kv-unified --kv-unified-per-slot",
  "--enable-prefix-caching=false turns it off": "--no-cache-prompt",
  "answers end at --max-model-len, and contexts are never shifted; remove it": `
    --context-shift --no-context-shift`,
  "it cannot be turned off; remove it": "-nocb --no-cont-batching --no-jinja --no-warmup",
  "weights are always read into memory and repacked": "-lm --load-mode -lzm --lazy-mode",
  "--cpu-affinity binds threads to CPUs": `
    -Cb --cpu-mask-batch -Crb --cpu-range-batch --cpu-strict-batch`,
  "--poll applies to prompts and answers": "--poll-batch",
  "start the server with `nice`": "--prio --prio-batch",
  "models run on a single machine": "--rpc",
  "--model accepts user/repo:quant, as on the Hugging Face Hub": `
    -dr --docker-repo --embd-gemma-default --fim-qwen-1.5b-default --fim-qwen-3b-default
    --fim-qwen-7b-default --fim-qwen-30b-default --gpt-oss-20b-default --gpt-oss-120b-default
    --vision-gemma-4b-default --vision-gemma-12b-default`,
  "a server serves only one model; remove it": `
    --models-dir --models-preset --models-max --models-autoload --no-models-autoload`,
  "--allowed-origins sets the origins, as a JSON list": "--cors-origins",
  "--allowed-methods sets the methods, as a JSON list": "--cors-methods",
  "--allowed-headers sets the headers, as a JSON list": "--cors-headers",
  "--allow-credentials allows them": "--cors-credentials --no-cors-credentials",
  "--enable-sleep-mode lets a server free its memory": "--sleep-idle-seconds",
  "--enable-log-requests logs each request": "--log-prompts-dir --log-verbose",
  "the log level and format are fixed": `
    --log-jsonl --no-log-jsonl --log-colors --log-prefix --no-log-prefix --log-timestamps --no-log-timestamps`,
  "`ls` lists the models": "-cl --cache-list",
  "`completion bash` prints it": "--completion-bash",
  "`collect-env` shows the machine": "--list-devices",
  "`version` prints the version": "--version",
  "Pagoda has no equivalent; remove it": `
    --swa-full --perf --no-perf -bf --binary-file -e --escape --no-escape --keep --spm-infill -bs
    --backend-sampling -dt --defrag-thold --check-tensors --op-offload --no-op-offload --no-host --tags
    --reuse-port --path --webui-config --ui-config --ui-config-file --webui-config-file --ui-mcp-proxy
    --webui-mcp-proxy --no-ui-mcp-proxy --no-webui-mcp-proxy --ui --webui --no-ui --sse-ping-interval
    --threads-http --no-slots`,
};
