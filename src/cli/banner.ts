// The startup banner: model, memory, limits and URLs in a few lines.

import { mib } from "../engine/memory-plan.ts";
import type { EngineInfo } from "../protocol/protocol.ts";
import { NEUTRAL_SAMPLING, type SamplingDefaults } from "../request/sampling-params.ts";
import type { DecidedSampling } from "./sampling-defaults.ts";

export interface BannerInput {
  readonly version: string;
  readonly info: EngineInfo;
  readonly modelName: string;
  readonly sampling: DecidedSampling;
  readonly url: string;
  /** Unix socket to show; null if the server listens on the URL's address. */
  readonly socketPath: string | null;
  readonly readySeconds: number;
  readonly isOpenWithoutKey: boolean;
}

export function banner(input: BannerInput): string {
  const { info, url, socketPath } = input;
  const { model, memory } = info;
  const tokens = (info.numBlocks - 1) * info.blockSize;
  const lines = [
    `Pagoda ${input.version}`,
    `model     ${input.modelName} (${model.architecture}, ${model.quantization}), ${mib(memory.weights)}, ${model.numLayers} layers`,
    `device    ${model.device}, ${model.attentionBackend} attention backend, ${model.weightKernels} weight kernels`,
    `memory    weights ${mib(memory.weights)} + KV ${mib(memory.kv)} (${tokens} tokens in ${info.numBlocks - 1} blocks of ${info.blockSize}) + scratch ${mib(memory.scratch)}`,
    `limits    ${info.maxModelLen} tokens per request, ${info.maxNumSeqs} requests and ${info.maxNumBatchedTokens} tokens per step`,
    ...samplingLines(input.sampling),
    `API       ${url}/v1`,
    `metrics   ${url}/metrics`,
    `health    ${url}/health`,
    ...(socketPath === null
      ? []
      : [`socket    ${socketPath} (curl --unix-socket ${socketPath} ...)`]),
    `ready in ${input.readySeconds.toFixed(1)} s - Ctrl-C to stop`,
  ];
  const warning =
    "warning   the server is reachable over the network without an API key; set --api-key";
  return [...lines, ...(input.isOpenWithoutKey ? [warning] : [])].join("\n");
}

/** Labels for the settings that a request can override. */
const SAMPLING_NAMES: Readonly<
  Record<Exclude<keyof SamplingDefaults, "maxTokens" | "stopTokenIds">, string>
> = {
  temperature: "temperature",
  topP: "top-p",
  topK: "top-k",
  minP: "min-p",
  repetitionPenalty: "repetition penalty",
};

/** @returns a line with the sampling defaults that differ from vLLM's; empty if none differ */
function samplingLines({ defaults, sources }: DecidedSampling): string[] {
  const names = Object.keys(SAMPLING_NAMES) as (keyof typeof SAMPLING_NAMES)[];
  const changed = names.filter((name) => defaults[name] !== NEUTRAL_SAMPLING[name]);
  const values = changed.map((name) => `${SAMPLING_NAMES[name]} ${defaults[name]}`);
  const parts = [
    ...(values.length > 0 ? [`${values.join(", ")} unless a request sets its own`] : []),
    ...(defaults.stopTokenIds.length > 0
      ? [`answers also end at tokens ${defaults.stopTokenIds.join(", ")}`]
      : []),
    ...(defaults.maxTokens !== null ? [`at most ${defaults.maxTokens} tokens per answer`] : []),
  ];
  return parts.length > 0 ? [`sampling  ${parts.join("; ")} (${sources.join(", ")})`] : [];
}
