// Option names that users know from llama.cpp, Ollama and other programs. A name with the meaning of one of
// our options is accepted as that option; any other gets a hint at what to use here. Only the docs list them.

/** Names with their dashes, by our option. */
const SAME: Readonly<Record<string, string>> = {
  model: "-m -hf -hfr --hf-repo",
  "served-model-name": "-a --alias",
  "chat-template": "--chat-template-file",
  seed: "-s",
  threads: "-t",
  "gpu-layers": "-ngl --n-gpu-layers",
  "ssl-keyfile": "--ssl-key-file",
  "ssl-certfile": "--ssl-cert-file",
  "root-path": "--api-prefix",
  "request-timeout": "-to --timeout",
  prompt: "-p -q --quick",
  "system-prompt": "-sys --system",
  "max-tokens": "-n --predict --n-predict --max-completion-tokens --max-new-tokens",
  url: "-u",
  yes: "-f --force",
  temperature: "--temp",
};

const SAMPLING = `
  --top-k --min-p --repeat-penalty --presence-penalty --frequency-penalty --stop --grammar --json-schema
  --format`;

/** Names by what to use here. A hint that begins with an option is for the commands that have it. */
const HINTS: Readonly<Record<string, string>> = {
  "--max-model-len limits one request, --kv-cache-memory-bytes the memory of all": `
    -c --ctx-size --num-ctx`,
  "--max-num-seqs limits the requests of a step": "-np --parallel",
  "--max-num-batched-tokens limits the tokens of a step": "-b --batch-size -ub --ubatch-size",
  "--threads serves prompts and answers": "-tb --threads-batch",
  "--kv-cache-dtype sets the type of K and V": "-ctk --cache-type-k -ctv --cache-type-v",
  "--cpu-affinity names CPUs": "-C --cpu-mask -Cr --cpu-range --cpu-strict --numa",
  "`< FILE` sends a file": "-f --file --prompt-file",
  "all are listed; leave it out": "-a --all -l",
  "`inspect` shows it without an option": "--license --template --modelfile --parameters",
  "a unit of systemd, or `&`, keeps it in the background": "-d --detach --daemon",
  "PAGODA_API_KEY or a --config file keeps a key out of the command line": "--api-key-file",
  "HF_TOKEN in the environment is read": "-hft --hf-token --token",
  "name the file with --model hf://user/repo/file.gguf": "-hff --hf-file",
  "--model takes a URL": "-mu --model-url",
  "--port sets the port": "-p",
  "--url names the server": "--base-url --host --port --endpoint",
  "--model-name asks for a model of the server": "--model -m",
  "--result-filename writes the result to a file": `
    --save-result --save-detailed --append-result --result-dir`,
  "--max-concurrency limits the requests at a time": "-c -j",
  "--num-prompts sets how many are sent": "-n",
  "the result has the mean, median and 99th percentile of each": `
    --percentile-metrics --metric-percentiles --goodput`,
  "answers have their full length; leave it out": "--ignore-eos",
  "--random-input-len and --random-output-len make the prompts and answers": `
    --dataset-name --dataset-path --backend --endpoint-type --random-range-ratio`,
  "--quick sends one message": "-p --prompt",
  "--extra-body.NAME VALUE sets any field of a request, such as top_k": SAMPLING,
  "each request says how it is sampled": `${SAMPLING} --temp --top-p -n --predict --n-predict`,
  "--enable-sleep-mode lets a server free its memory": "--keepalive",
  "it is always on; leave it out": `
    -fa --flash-attn -cb --cont-batching --jinja --metrics --warmup --cache-prompt --cache-reuse
    -kvu --kv-unified -cnv --conversation -i --interactive`,
  "there is nothing like it here; leave it out": `
    --slots --props --no-webui --mmap --verbose --nowordwrap --insecure --think --hidethinking
    --workers --reload --disable-tqdm`,
  "logs have one level and one form": "--log-level --log-verbosity --log-file",
  "weights are read into memory, in a layout of their own": "--no-mmap --mlock",
  "one GPU or none is used": "-dev --device -sm --split-mode -ts --tensor-split -mg --main-gpu",
  "it is not built here yet": `
    --lora --lora-scaled -md --model-draft --embedding --embeddings --rerank --reranking --pooling
    -mm --mmproj --image --audio --grammar-file`,
  "--enable-log-requests logs each request": "--verbose -v -lv --verbosity",
  "`version` tells the version": "-v -V",
  "--disable-log-stats leaves out the statistics": "--log-disable",
};

export interface FamiliarName {
  /** With its dashes. */
  readonly name: string;
  /** Name of our option. */
  readonly option: string;
}

const namesIn = (text: string) => text.trim().split(/\s+/);

/** Names accepted as options of ours. */
export const FAMILIAR_NAMES: readonly FamiliarName[] = Object.entries(SAME).flatMap(
  ([option, names]) => namesIn(names).map((name) => ({ name, option })),
);

/**
 * @param flag with its dashes
 * @param has whether the command has an option
 * @returns the name of our option that means the same
 */
export function sameOption(flag: string, has: (option: string) => boolean): string | undefined {
  return FAMILIAR_NAMES.find(({ name, option }) => name === flag && has(option))?.option;
}

/**
 * @param has whether the command has an option
 * @returns what to use here instead
 */
export function familiarHint(flag: string, has: (option: string) => boolean): string | undefined {
  const hints = Object.entries(HINTS).filter(([, names]) => namesIn(names).includes(flag));
  const fits = ([hint]: readonly [string, string]) => {
    const option = /^--([a-z-]+)/.exec(hint)?.[1];
    return option === undefined || has(option);
  };
  return hints.find(fits)?.[0];
}
