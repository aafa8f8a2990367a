// vLLM flags that enable features that Pagoda does not support yet. The server refuses to start with such a flag, since
// clients would rely on the feature. Flags that only tune such a feature are in ignored-flags.ts.

import { ConfigError } from "../errors.ts";

export interface UnbuiltFlag {
  readonly name: string;
  /** Maximum number of words that the flag takes as its value. */
  readonly maxWords: 0 | 1;
  /** Clause that names the missing feature. */
  readonly reason: string;
}

/** Names by reason; "=" marks flags that take a value. */
const BY_REASON: Readonly<Record<string, string>> = {
  "KV connectors are not supported yet": "kv-transfer-config= ec-transfer-config= tokens-only",
  "KV cache events are not supported yet": "kv-events-config=",
  "KV cache offloading is not supported yet": "kv-offloading-size=",
  "server-side tools are not supported yet": "tool-server=",
  "prompt embeddings are not supported yet": "enable-prompt-embeds",
  "images and audio are not supported yet": "enable-mm-embeds default-mm-loras=",
  "logits processors are not supported yet": "logits-processors=",
  "Python middleware is not supported": "middleware=",
  "only text generation is supported so far": "runner= convert= task=",
};

export const UNBUILT_FLAGS: readonly UnbuiltFlag[] = Object.entries(BY_REASON).flatMap(
  ([reason, names]) =>
    names.split(" ").map((spelling) => ({
      name: spelling.replace("=", ""),
      maxWords: spelling.endsWith("=") ? 1 : 0,
      reason,
    })),
);

/** @param name in kebab case, with or without "no-" or a path into a JSON value */
export function unbuiltFlag(name: string): UnbuiltFlag | undefined {
  const plain = name.replace(/^no-/, "").split(".")[0];
  return UNBUILT_FLAGS.find((flag) => flag.name === plain);
}

/** Values that leave the feature off, including empty values and the flag's default. */
const OFF = /^(false|off|no|null|none|auto|generate|0|\[\]|\{\})?$/i;

/**
 * Refuses a flag that enables an unsupported feature.
 * @param name as in unbuiltFlag()
 * @param shown name as the user wrote it
 * @param value undefined = no value
 * @throws ConfigError "unsupported_option"
 */
export function checkBuilt(name: string, shown: string, value: unknown): void {
  const flag = unbuiltFlag(name);
  if (flag === undefined || name.startsWith("no-")) return;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value ?? true);
  if (OFF.test(text.trim())) return;
  throw new ConfigError("unsupported_option", `${shown}: ${flag.reason}; remove it`);
}
