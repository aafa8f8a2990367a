// Reads PEFT's adapter_config.json, and refuses kinds of adapters that are more than products of two matrices.

import { AdapterError } from "./adapter-error.ts";
import { isRecord, shown } from "./safetensors.ts";

export interface PeftConfig {
  /** @returns rank of a module according to the config */
  rankOf(module: string): number;
  /** @returns factor of a module's product: alpha / rank, or alpha / sqrt(rank) with rsLoRA */
  scaleOf(module: string): number;
  /** Tokens that enable the adapter; empty = it applies to all tokens. */
  readonly invocationTokens: readonly number[];
}

/** @throws AdapterError "adapter_config" or "adapter_unsupported" */
export function parsePeftConfig(text: string): PeftConfig {
  const config = parseObject(text);
  checkKind(config);
  const rank = positive(config, "r");
  if (!Number.isInteger(rank)) throw invalid(`r must be an integer, got ${rank}`);
  const alpha = positive(config, "lora_alpha");
  const ranks = patternOf(config, "rank_pattern");
  const alphas = patternOf(config, "alpha_pattern");
  const rankOf = (module: string) => ranks(module) ?? rank;
  const isRootScaled = config["use_rslora"] === true;
  const scaleOf = (module: string) => {
    const own = rankOf(module);
    return (alphas(module) ?? alpha) / (isRootScaled ? Math.sqrt(own) : own);
  };
  return { rankOf, scaleOf, invocationTokens: invocationTokens(config) };
}

type Config = Readonly<Record<string, unknown>>;

function parseObject(text: string): Config {
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  if (!isRecord(config)) throw invalid("it is not a JSON object");
  return config;
}

/** Settings that change what the adapter computes, with their names for errors. */
const UNSUPPORTED: readonly (readonly [key: string, kind: string])[] = [
  ["use_dora", "DoRA"],
  ["modules_to_save", "modules_to_save, which replaces whole weights,"],
  ["trainable_token_indices", "trainable_token_indices"],
  ["layer_replication", "layer_replication"],
  ["target_parameters", "target_parameters"],
  ["lora_bias", "a trained bias (lora_bias)"],
  ["fan_in_fan_out", "fan_in_fan_out"],
  ["use_qalora", "QA-LoRA"],
];

/** Initializations after which the adapter is relative to changed base weights. */
const CHANGES_BASE = /^(pissa|olora|corda|loftq)/i;

function checkKind(config: Config): void {
  const type = config["peft_type"] ?? "LORA";
  if (type !== "LORA") throw unsupported(`an adapter of type ${shown(String(type))}`);
  const kind = UNSUPPORTED.find(([key]) => isSet(config[key]))?.[1];
  if (kind !== undefined) throw unsupported(kind);
  const bias = config["bias"] ?? "none";
  if (bias !== "none") throw unsupported(`a trained bias (bias: ${shown(String(bias))})`);
  const init = config["init_lora_weights"];
  if (typeof init === "string" && CHANGES_BASE.test(init))
    throw unsupported(`init_lora_weights ${shown(init)}, which changes the base model's weights,`);
}

function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isRecord(value)) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== false;
}

function positive(config: Config, key: string): number {
  const value = config[key];
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw invalid(`${key} must be a positive number, got ${shown(JSON.stringify(value) ?? "none")}`);
}

/**
 * Reads values by module. As in PEFT, a key is a regular expression for the end of a module's name, starting after a
 * dot. Only names and dots are accepted.
 */
function patternOf(config: Config, name: string): (module: string) => number | undefined {
  const pattern = config[name] ?? {};
  if (!isRecord(pattern)) throw invalid(`${name} must be an object`);
  const entries = Object.keys(pattern).map((key) => {
    if (!/^\^?[\w.]+$/.test(key)) throw unsupported(`the expression ${shown(key)} in ${name}`);
    return [key.replace(/^\^/, ""), positive(pattern, key)] as const;
  });
  return (module) => entries.find(([key]) => module === key || module.endsWith(`.${key}`))?.[1];
}

function invocationTokens(config: Config): readonly number[] {
  const tokens = config["alora_invocation_tokens"] ?? [];
  const isTokens = Array.isArray(tokens) && tokens.every((id) => Number.isInteger(id) && id >= 0);
  if (!isTokens) throw invalid("alora_invocation_tokens must be a list of token IDs");
  if (tokens.length === 0 && isSet(config["invocation_string"]))
    throw unsupported("invocation_string without alora_invocation_tokens");
  return tokens;
}

function invalid(reason: string): AdapterError {
  return new AdapterError("adapter_config", `adapter_config.json is invalid: ${reason}`);
}

export function unsupported(kind: string): AdapterError {
  return new AdapterError("adapter_unsupported", `${kind} is not supported`);
}
