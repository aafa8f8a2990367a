// The values of one source while it is read: lists grow, JSON objects get key by key what is theirs.

import { ConfigError } from "../errors.ts";
import type { JsonObject, OptionSpec, OptionValue } from "./option-spec.ts";
import { isJsonObject, jsonOrText, readOption } from "./option-value.ts";

/** By option name. */
export type Values = Map<string, OptionValue>;

/**
 * A list and a JSON object are extended, anything else is replaced.
 * @param source for messages
 * @throws ConfigError "invalid_option"
 */
export function addWords(
  values: Values,
  option: OptionSpec,
  words: readonly string[],
  source: string,
): void {
  const before = values.get(option.name);
  if (option.kind === "json" && isJsonObject(before)) {
    const more = readOption(option, words[0], source) as JsonObject;
    values.set(option.name, { ...before, ...more });
    return;
  }
  if (option.kind !== "strings") {
    values.set(option.name, readOption(option, words[0], source));
    return;
  }
  if (option.isSecret !== true && words.some((word) => word.trim() === ""))
    throw new ConfigError("invalid_option", `${source}: a value is empty`);
  values.set(option.name, [...(Array.isArray(before) ? before : []), ...words]);
}

/** Kinds of which a YAML file has several values in a list. */
const LISTS: readonly OptionSpec["kind"][] = ["strings", "cpus", "json-list"];

/**
 * What a YAML file gives an option, whose text would say nothing of it: "[object Object]", "null".
 * @throws ConfigError "invalid_option"
 */
export function readFileValue(option: OptionSpec, value: unknown, source: string): OptionValue {
  const { kind } = option;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (Array.isArray(value) && !LISTS.includes(kind))
    throw new ConfigError("invalid_option", `${source}: expected one value, got a list`);
  if (kind !== "json" && values.some((one) => typeof one === "object" && one !== null))
    throw new ConfigError("invalid_option", `${source}: expected a value, got an object`);
  if (values.includes(null) || (kind === "strings" && values.includes("")))
    throw new ConfigError("invalid_option", `${source}: a value is empty`);
  const strange = TEXTS.includes(kind) ? values.find((one) => typeof one !== "string") : undefined;
  if (strange !== undefined) throw noText(source, strange);
  return readOption(option, value, source);
}

/** Kinds that are the text that was written. */
const TEXTS: readonly OptionSpec["kind"][] = ["string", "strings"];

/** YAML makes 123 of a key that is written 0123, and 100000 of a commit 1e5. The value may be a secret. */
function noText(source: string, value: unknown): ConfigError {
  const message = `${source}: expected a text, got a ${typeof value}; put it in quotes`;
  return new ConfigError("invalid_option", message);
}

/**
 * `--x.y.z value`: one value within a JSON option, beside those that are there.
 * @throws ConfigError "invalid_option" without a value
 */
export function setJsonKey(
  values: Values,
  option: OptionSpec,
  keys: readonly string[],
  text: string | undefined,
  flag: string,
): void {
  if (text === undefined) throw new ConfigError("invalid_option", `${flag} needs a value`);
  const before = values.get(option.name);
  const whole = structuredClone(isJsonObject(before) ? before : {}) as Record<string, unknown>;
  let place = whole;
  for (const key of keys.slice(0, -1)) {
    const inner = place[key];
    const next = isJsonObject(inner) ? (inner as Record<string, unknown>) : {};
    place[key] = next;
    place = next;
  }
  place[keys.at(-1) ?? ""] = jsonOrText(text);
  values.set(option.name, whole);
}

/** A model among keys or names would be lost, and a key that everybody can guess. */
export function checkList(flag: string, words: readonly string[]): void {
  const model = words.find((word, i) => i > 0 && /\.gguf$/i.test(word));
  if (model === undefined) return;
  const message = `${flag} takes all words that follow, ${model} too; name the model before it`;
  throw new ConfigError("invalid_option", message);
}

/** One of the two would be lost. */
export function givenTwice({ name }: OptionSpec, first: string, second: string): ConfigError {
  const message = `--${name} is given twice: ${first} and ${second}; one is as a word without a dash`;
  return new ConfigError("invalid_option", message);
}
