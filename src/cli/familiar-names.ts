// Option names from llama.cpp, Ollama and other programs. A name that means the same as one of
// Pagoda's options is accepted as that option. For other names, the error message suggests a
// replacement. Only the docs list these names.

import { LLAMA_SERVER_HINTS } from "./llama-server-flags.ts";

/** Names, with their dashes, by the Pagoda option that they set. */
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
  --top-k --min-p --repeat-penalty --presence-penalty --frequency-penalty --stop --ignore-eos --grammar
  --json-schema --format`;

/**
 * Names by hint. A hint that begins with an option is shown only for commands that accept that option.
 */
const HINTS: Readonly<Record<string, string>> = {
  "--max-model-len limits each request; --kv-cache-memory-bytes limits all requests combined": `
    -c --ctx-size --num-ctx`,
  "--max-num-seqs limits the requests per step": "-np --parallel",
  "--max-num-batched-tokens limits the tokens per step": "-b --batch-size -ub --ubatch-size",
  "--threads applies to prompts and answers": "-tb --threads-batch",
  "--kv-cache-dtype sets the type of K and V": "-ctk --cache-type-k -ctv --cache-type-v",
  "--cpu-affinity binds threads to CPUs": "-C --cpu-mask -Cr --cpu-range --cpu-strict --numa",
  "use `< FILE` to send a file": "-f --file --prompt-file",
  "`ls` and `ps` always list everything; remove it": "-a --all -l",
  "`inspect` always shows it; remove it": "--license --template --modelfile --parameters",
  "run it in the background with `&` or as a systemd unit": "-d --detach --daemon",
  "set PAGODA_API_KEY, or api-key in a --config file": "--api-key-file",
  "set HF_TOKEN in the environment": "-hft --hf-token --token",
  "pass the file as --model hf://user/repo/file.gguf": "-hff --hf-file",
  "--model accepts a URL": "-mu --model-url",
  "--port sets the port": "-p",
  "--url selects the server": "--base-url --host --port --endpoint",
  "--model-name selects one of the server's models": "--model -m",
  "--result-filename writes the result to a file": `
    --save-result --save-detailed --append-result --result-dir`,
  "--max-concurrency limits the concurrent requests": "-c -j",
  "--num-prompts sets the number of requests": "-n",
  "the result always includes the mean, median and 99th percentile": `
    --percentile-metrics --metric-percentiles --goodput`,
  "--random-output-len is the exact length of answers; remove it": "--ignore-eos",
  "--random-input-len and --random-output-len set the length of prompts and answers": `
    --dataset-name --dataset-path --backend --endpoint-type --random-range-ratio`,
  "--quick sends one message": "-p --prompt",
  "--extra-body.NAME VALUE sets any field of a request, such as top_k": SAMPLING,
  "set sampling parameters in each request": `${SAMPLING} --temp --temperature --top-p -n --predict --n-predict`,
  "--enable-sleep-mode lets a server free its memory": "--keepalive",
  "always on; remove this flag": `
    -fa --flash-attn -cb --cont-batching --jinja --metrics --warmup --cache-prompt --cache-reuse
    -kvu --kv-unified -cnv --conversation -i --interactive`,
  "Pagoda has no equivalent; remove it": `
    --slots --props --no-webui --mmap --verbose --nowordwrap --insecure --think --hidethinking
    --workers --reload --disable-tqdm`,
  "the log level and format are fixed": "--log-level --log-verbosity --log-file",
  "weights are always read into memory and repacked": "--no-mmap --mlock",
  "Pagoda uses at most one GPU": "-dev --device -sm --split-mode -ts --tensor-split -mg --main-gpu",
  "--enable-lora --lora-modules name=path loads an adapter": "--lora --lora-scaled",
  "it is not supported yet": `
    --embedding --embeddings --rerank --reranking --pooling
    -mm --mmproj --image --audio --grammar-file`,
  "--enable-log-requests logs each request": "--verbose -v -lv --verbosity",
  "`version` prints the version": "-v -V",
  "--disable-log-stats turns off the statistics": "--log-disable",
};

export interface FamiliarName {
  /** Name with its dashes. */
  readonly name: string;
  /** Name of Pagoda's option. */
  readonly option: string;
}

const namesIn = (text: string) => text.trim().split(/\s+/);

/** Names that are accepted as Pagoda's options. */
export const FAMILIAR_NAMES: readonly FamiliarName[] = Object.entries(SAME).flatMap(
  ([option, names]) => namesIn(names).map((name) => ({ name, option })),
);

/**
 * @param flag with its dashes
 * @param has whether the command has an option
 * @returns the name of the equivalent Pagoda option
 */
export function sameOption(flag: string, has: (option: string) => boolean): string | undefined {
  return FAMILIAR_NAMES.find(({ name, option }) => name === flag && has(option))?.option;
}

/**
 * @param has whether the command has a given option
 * @returns a hint about what to use instead
 */
export function familiarHint(flag: string, has: (option: string) => boolean): string | undefined {
  const all = [HINTS, LLAMA_SERVER_HINTS].flatMap((table) => Object.entries(table));
  const hints = all.filter(([, names]) => namesIn(names).includes(flag));
  const fits = ([hint]: readonly [string, string]) => {
    const option = /^--([a-z-]+)/.exec(hint)?.[1];
    return option === undefined || has(option);
  };
  return hints.find(fits)?.[0];
}
