// Determines sampling defaults from the options. Names and precedence match vLLM's ModelConfig:
// overrides, then the model's recommendation, then vLLM's own values.

import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import { type GgufHeader, readGgufHeader } from "../models/gguf-header.ts";
import {
  endTokensOf,
  GENERATION_CONFIG_KEYS,
  type ModelRecommendation,
  recommendationOf,
  recommendedBy,
} from "../models/sampling-defaults.ts";
import { NEUTRAL_SAMPLING, type SamplingDefaults } from "../request/sampling-params.ts";
import { fileFault } from "../runtime/file-fault.ts";
import { fileExists, readText } from "../runtime/system.ts";
import type { ServeOptions } from "./commands.ts";
import { isJsonObject, jsonOrText } from "./option-value.ts";

type Options = Pick<ServeOptions, "generation-config" | "override-generation-config">;

export interface DecidedSampling {
  readonly defaults: SamplingDefaults;
  /** Source of the values, for display. */
  readonly sources: readonly string[];
}

/**
 * Always reads the model's header, so that a file that is not a model causes a clear error.
 * @throws ConfigError "invalid_option", and for the same reasons as readGgufHeader()
 */
export function samplingDefaults(options: Options, modelPath: string): DecidedSampling {
  const header = readGgufHeader(modelPath);
  const model = recommendation(options["generation-config"], header, modelPath);
  const overridden = overrides(options["override-generation-config"]);
  const sources = [
    ...(Object.keys(overridden).length > 0 ? ["--override-generation-config"] : []),
    ...(model.source === "" ? [] : [model.source]),
  ];
  return { defaults: { ...NEUTRAL_SAMPLING, ...model.values, ...overridden }, sources };
}

function recommendation(
  option: string,
  header: GgufHeader,
  modelPath: string,
): ModelRecommendation {
  if (option === "vllm") return { values: {}, source: "" };
  if (option === "auto") return recommendedBy(header, modelPath);
  const inFolder = join(option, "generation_config.json");
  const path = fileExists(inFolder) ? inFolder : option;
  const refuse = refusal("--generation-config", `${path}: `);
  const config = jsonOrText(textOf(path, refuse));
  if (!isJsonObject(config)) return refuse("it is not a JSON object");
  const stopTokenIds = endTokensOf(config, header, refuse);
  const values = {
    ...recommendationOf(config, refuse),
    ...(stopTokenIds.length > 0 && { stopTokenIds }),
  };
  return { values, source: path };
}

function textOf(path: string, refuse: (fault: string) => never): string {
  try {
    return readText(path);
  } catch (cause) {
    return refuse(`${fileFault(cause)}; use auto, vllm, or a path that exists`);
  }
}

function overrides(config: Options["override-generation-config"]): Partial<SamplingDefaults> {
  const refuse = refusal("--override-generation-config");
  const unknown = Object.keys(config).find((key) => !GENERATION_CONFIG_KEYS.includes(key));
  if (unknown !== undefined) {
    return refuse(`${unknown} is not one of ${GENERATION_CONFIG_KEYS.join(", ")}`);
  }
  return recommendationOf(config, refuse);
}

function refusal(option: string, place = "") {
  return (fault: string): never => {
    throw new ConfigError("invalid_option", `${option}: ${place}${fault}`);
  };
}
