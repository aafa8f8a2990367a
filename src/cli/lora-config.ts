// Reads the options for LoRA adapters, in vLLM's formats.

import type { LoraConfig } from "../engine/engine-config.ts";
import { ConfigError } from "../errors.ts";
import type { ServeOptions } from "./commands.ts";
import { isJsonObject, jsonOrText } from "./option-value.ts";

/** An adapter to load at startup. */
export interface LoraModule {
  readonly name: string;
  /** GGUF file, or folder in PEFT's format. */
  readonly path: string;
  /** Name of the base model in the adapter's card; null = the first served name. */
  readonly baseModelName: string | null;
}

export type LoraOptions = Pick<
  ServeOptions,
  | "enable-lora"
  | "lora-modules"
  | "max-loras"
  | "max-lora-rank"
  | "max-cpu-loras"
  | "allowed-lora-paths"
>;

/** @returns null if adapters are off @throws ConfigError "invalid_option" */
export function loraConfig(options: LoraOptions): LoraConfig | null {
  if (!options["enable-lora"]) {
    if (options["lora-modules"].length > 0) throw invalid("--lora-modules requires --enable-lora");
    return null;
  }
  const maxLoras = options["max-loras"];
  const maxLoadedLoras = options["max-cpu-loras"] ?? maxLoras;
  if (maxLoadedLoras < maxLoras) {
    throw invalid(`--max-cpu-loras ${maxLoadedLoras} must be at least --max-loras ${maxLoras}`);
  }
  return { maxLoras, maxLoadedLoras, maxLoraRank: options["max-lora-rank"] };
}

/** @throws ConfigError "invalid_option" */
export function loraModules({ "lora-modules": texts }: LoraOptions): LoraModule[] {
  return texts.flatMap(modulesIn);
}

/**
 * Distinguishes the forms as vLLM does: text with "=" and without a comma is name=path, and any
 * other text is JSON.
 */
function modulesIn(text: string): LoraModule[] {
  if (text.includes("=") && !text.includes(",")) {
    const [name = "", ...path] = text.split("=");
    return [moduleOf({ name, path: path.join("=") }, text)];
  }
  const value = jsonOrText(text);
  return (Array.isArray(value) ? value : [value]).map((item) => moduleOf(item, text));
}

const KEYS = ["name", "path", "base_model_name"];

function moduleOf(value: unknown, text: string): LoraModule {
  if (!isJsonObject(value))
    throw invalid(`--lora-modules: expected name=path or JSON, got ${text}`);
  const strange = Object.keys(value).find((key) => !KEYS.includes(key));
  if (strange !== undefined) throw invalid(`--lora-modules: unknown key ${strange} in ${text}`);
  const { name, path, base_model_name: baseModelName = null } = value;
  if (!isText(name) || !isText(path))
    throw invalid(`--lora-modules: expected a name and a path, got ${text}`);
  if (baseModelName !== null && !isText(baseModelName))
    throw invalid(`--lora-modules: base_model_name must be a name, got ${text}`);
  return { name, path, baseModelName };
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";

function invalid(message: string): ConfigError {
  return new ConfigError("invalid_option", message);
}
