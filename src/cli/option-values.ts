// Collects option values from one source. Lists grow, and JSON objects are filled key by key.

import { ConfigError } from "../errors.ts";
import type { JsonObject, OptionSpec, OptionValue } from "./option-spec.ts";
import { isJsonObject, jsonOrText, readOption } from "./option-value.ts";

/** Values by option name. */
export type Values = Map<string, OptionValue>;

/**
 * Extends a list or a JSON object; replaces any other value.
 * @param source for error messages
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

/** Kinds that accept a list of values in a YAML file. */
const LISTS: readonly OptionSpec["kind"][] = ["strings", "cpus", "json-list"];

/**
 * Reads an option from a YAML file. Refuses values that do not convert to text, such as objects and
 * null.
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

/** Kinds whose value is the text exactly as written. */
const TEXTS: readonly OptionSpec["kind"][] = ["string", "strings"];

/**
 * Error for a value that YAML does not read as text: it reads the API key 0123 as 123, and the commit 1e5 as 100000.
 * The message omits the value, which can be a secret.
 */
function noText(source: string, value: unknown): ConfigError {
  const message = `${source}: expected a string, got a ${typeof value}; put it in quotes`;
  return new ConfigError("invalid_option", message);
}

/**
 * Handles `--x.y.z value`: sets one value within a JSON option and keeps the rest.
 * @throws ConfigError "invalid_option" if there is no value
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

/**
 * Refuses a model path in a list of keys or names: the model would be ignored, and a path would be an easily guessed
 * key. Adapters (name=path) are not models.
 */
export function checkList(flag: string, words: readonly string[]): void {
  const isModel = (word: string) => /\.gguf$/i.test(word) && !/^[^/=]+=/.test(word);
  const model = words.find((word, i) => i > 0 && isModel(word));
  if (model === undefined) return;
  const message = `${flag} takes all following words, including ${model}; put the model before it`;
  throw new ConfigError("invalid_option", message);
}

/** Error for an option set both as a flag and as an argument, since one would be ignored. */
export function givenTwice({ name }: OptionSpec, first: string, second: string): ConfigError {
  const message = `--${name} is set twice: ${first} and ${second}; one of them is a positional argument`;
  return new ConfigError("invalid_option", message);
}
