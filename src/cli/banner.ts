// What the operator sees at start: a few lines with model, memory and URLs.

import { mib } from "../engine/memory-plan.ts";
import type { EngineInfo } from "../engine/protocol.ts";

export interface BannerInput {
  readonly version: string;
  readonly info: EngineInfo;
  readonly modelName: string;
  readonly url: string;
  readonly readySeconds: number;
  readonly isOpenWithoutKey: boolean;
}

export function banner(input: BannerInput): string {
  const { info, url } = input;
  const { model, memory } = info;
  const tokens = (info.numBlocks - 1) * info.blockSize;
  const lines = [
    `Pagoda ${input.version}`,
    `model     ${input.modelName} (${model.architecture}, ${model.quantization}), ${mib(memory.weights)}, ${model.numLayers} layers`,
    `device    ${model.device}, ${model.attentionBackend} attention backend, ${model.weightKernels} weight kernels`,
    `memory    weights ${mib(memory.weights)} + KV ${mib(memory.kv)} (${tokens} tokens in ${info.numBlocks - 1} blocks of ${info.blockSize}) + scratch ${mib(memory.scratch)}`,
    `limits    ${info.maxModelLen} tokens a request, ${info.maxNumSeqs} requests and ${info.maxNumBatchedTokens} tokens a step`,
    `API       ${url}/v1    metrics ${url}/metrics    health ${url}/health`,
    `ready in ${input.readySeconds.toFixed(1)} s - Ctrl-C to stop`,
  ];
  const warning = "warning   the server is open to the network without --api-key";
  return [...lines, ...(input.isOpenWithoutKey ? [warning] : [])].join("\n");
}
