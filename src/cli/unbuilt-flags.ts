// vLLM flags that switch on a feature that is not built yet. A server that started without the feature would
// answer as if it had it, so it refuses to start. Flags that only tune such a feature are in ignored-flags.ts.

import { ConfigError } from "../errors.ts";

export interface UnbuiltFlag {
  readonly name: string;
  /** Whether a value follows it. */
  readonly takesValue: boolean;
  /** A clause that names what is missing. */
  readonly reason: string;
}

/** By reason: names, with "=" those that take a value. */
const BY_REASON: Readonly<Record<string, string>> = {
  "LoRA is not built yet": "enable-lora lora-modules= default-mm-loras=",
  "speculative decoding is not built yet": "speculative-config=",
  "KV connectors are not built yet": "kv-transfer-config= ec-transfer-config= tokens-only",
  "KV cache events are not built yet": "kv-events-config=",
  "KV cache offloading is not built yet": "kv-offloading-size=",
  "tool-call parsing is not built yet": "enable-auto-tool-choice tool-server=",
  "reasoning parsing is not built yet": "reasoning-parser=",
  "prompt embeddings are not built yet": "enable-prompt-embeds",
  "images and audio are not built yet": "enable-mm-embeds",
  "logits processors are not built yet": "logits-processors=",
  "only text generation is built yet": "runner= convert= task=",
};

export const UNBUILT_FLAGS: readonly UnbuiltFlag[] = Object.entries(BY_REASON).flatMap(
  ([reason, names]) =>
    names.split(" ").map((spelling) => ({
      name: spelling.replace("=", ""),
      takesValue: spelling.endsWith("="),
      reason,
    })),
);

/** @param name in kebab case, with or without "no-" or a path into a JSON value */
export function unbuiltFlag(name: string): UnbuiltFlag | undefined {
  const plain = name.replace(/^no-/, "").split(".")[0];
  return UNBUILT_FLAGS.find((flag) => flag.name === plain);
}

/** Values that switch nothing on: off, empty, or what happens without the flag. */
const OFF = /^(false|off|no|null|none|auto|generate|0|\[\]|\{\})?$/i;

/**
 * Passes what is built, and values that leave a feature off.
 * @param name as unbuiltFlag() takes it
 * @param shown the name as the user wrote it
 * @param value undefined = none was given
 * @throws ConfigError "unsupported_option"
 */
export function checkBuilt(name: string, shown: string, value: unknown): void {
  const flag = unbuiltFlag(name);
  if (flag === undefined || name.startsWith("no-")) return;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value ?? true);
  if (OFF.test(text.trim())) return;
  throw new ConfigError("unsupported_option", `${shown}: ${flag.reason}; leave it out`);
}
