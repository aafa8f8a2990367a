// Reads an option's value from a word, an environment variable or YAML, and checks it against the table.

import { ConfigError } from "../errors.ts";
import { parseJson } from "../json.ts";
import { parseCpuList } from "../runtime/cpus.ts";
import type { JsonObject, OptionSpec, OptionValue } from "./option-spec.ts";

/**
 * Reads one value from any source.
 * @param source for error messages: "--port", "PAGODA_PORT" or "port in config.yaml"
 * @throws ConfigError "invalid_option"
 */
export function readOption(option: OptionSpec, value: unknown, source: string): OptionValue {
  switch (option.kind) {
    case "string":
      return readString(option, String(value), source);
    case "strings":
      return Array.isArray(value) ? value.map(String) : [String(value)];
    case "flag":
      return readFlag(value, source);
    case "choice":
      return readChoice(option, String(value), source);
    case "integer":
    case "size":
      return readInteger(option, String(value).trim(), source);
    case "number":
      return readNumber(option, String(value).trim(), source);
    case "cpus":
      return readCpus(String(value), source);
    case "json-list":
      return readJsonList(value, source);
    case "json":
      return readJson(value, source);
  }
}

/** Placeholder that replaces a secret wherever options are shown. */
export const HIDDEN = "(hidden)";

/** Characters that no header can carry, such as the line feed at the end of a file. */
const CONTROL = /\p{Cc}/u;

/**
 * Refuses unusable keys. An empty key would admit anyone without a key, and the placeholder would
 * admit anyone who has seen it. No client could send a key that contains a line feed or that
 * begins or ends with a space.
 * @throws ConfigError "invalid_option"
 */
export function checkSecrets(
  option: Pick<OptionSpec, "name">,
  values: OptionValue,
  source: string,
): void {
  const found = Array.isArray(values) ? values : [values];
  if (found.some((value) => String(value).trim() === "")) {
    throw invalid(option.name, `a key is empty (${source})`);
  }
  if (found.some((value) => CONTROL.test(String(value)))) {
    throw invalid(
      option.name,
      `a key contains a line feed or another control character (${source})`,
    );
  }
  // Leading and trailing spaces are not part of a header's value. A password is not sent in any header.
  if (Array.isArray(values) && found.some((key) => String(key) !== String(key).trim())) {
    throw invalid(
      option.name,
      `a key begins or ends with a space, so no client can send it (${source})`,
    );
  }
  if (found.includes(HIDDEN)) {
    throw invalid(
      option.name,
      `${HIDDEN} is a placeholder for a hidden key, not a key (${source})`,
    );
  }
}

function invalid(source: string, message: string): ConfigError {
  return new ConfigError("invalid_option", `${source}: ${message}`);
}

/**
 * Refuses an empty value, usually from an unset variable in a script, unless the default is empty.
 */
function readString(option: OptionSpec, text: string, source: string): string {
  const mayBeEmpty = option.fallback === "" || option.isSecret === true;
  if (text.trim() !== "" || mayBeEmpty) return text;
  throw invalid(source, "a value is empty");
}

function readFlag(value: unknown, source: string): boolean {
  const text = String(value).toLowerCase();
  if (["true", "1", "yes", "on"].includes(text)) return true;
  if (["false", "0", "no", "off"].includes(text)) return false;
  throw invalid(source, `expected true or false, got ${text}`);
}

function readChoice(option: OptionSpec, text: string, source: string): string {
  if (option.choices?.includes(text) === true) return text;
  throw invalid(source, `expected ${option.choices?.join(" or ")}, got ${text}`);
}

/** Number of CPUs in llama.cpp's thread masks. */
const MAX_CPUS = 512;

/** Reads a CPU list. Accepts an empty list, because --print-config prints that for the default. */
function readCpus(text: string, source: string): number[] {
  if (text === "") return [];
  const cpus = parseCpuList(text);
  if (cpus === null) throw invalid(source, `expected CPUs like 0-3,8, got ${text}`);
  const beyond = cpus.find((cpu) => cpu >= MAX_CPUS);
  if (beyond === undefined) return cpus;
  throw invalid(source, `CPUs must be in [0, ${MAX_CPUS - 1}], got ${beyond}`);
}

function readInteger(option: OptionSpec, text: string, source: string): number | null {
  const named = option.words?.[text.toLowerCase()];
  if (named !== undefined) return named;
  // vLLM uses both to mean "choose automatically".
  if (option.fallback === null && ["auto", "-1"].includes(text)) return null;
  const number = option.kind === "size" ? parseSize(text) : Number(text);
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = option;
  if (text === "" || !Number.isInteger(number)) {
    throw invalid(source, `expected an integer, got ${text}`);
  }
  if (number < min || number > max) {
    const isOpen = option.max === undefined && number < min;
    const bounds = isOpen ? `at least ${min}` : `in [${min}, ${max}]`;
    throw invalid(source, `must be ${bounds}, got ${text}`);
  }
  return number;
}

/** Reports errors in the wording of vLLM's validation. NaN is a number, but violates every bound. */
function readNumber(option: OptionSpec, text: string, source: string): number | null {
  const named = option.words?.[text.toLowerCase()];
  if (named !== undefined) return named;
  const { above, max = Number.POSITIVE_INFINITY } = option;
  const refused = (wanted: string) => invalid(source, `Input should be ${wanted}, got ${text}`);
  const number = parseNumber(text);
  if (number === null) throw refused("a valid number, unable to parse string as a number");
  if (above !== undefined && !(number > above)) throw refused(`greater than ${above}`);
  if (number > max) throw refused(`less than or equal to ${max}`);
  if (!Number.isFinite(number)) throw refused("a finite number");
  return number;
}

/** Parses a number as Python does, including "nan" and "inf". @returns null for anything else */
function parseNumber(text: string): number | null {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
  const word = /^([+-]?)(nan|inf|infinity)$/i.exec(text);
  if (word === null) return null;
  if (word[2]?.toLowerCase() === "nan") return Number.NaN;
  return word[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

function readJson(value: unknown, source: string): JsonObject {
  const found = typeof value === "string" ? jsonOrText(value) : value;
  if (isJsonObject(found)) return found;
  throw invalid(source, `expected a JSON object, got ${value}`);
}

function readJsonList(value: unknown, source: string): string[] {
  const found = typeof value === "string" ? jsonOrText(value) : value;
  const items: unknown[] = Array.isArray(found) ? found : [found];
  if (items.every((item) => typeof item === "string")) return items;
  throw invalid(source, `expected a JSON list of strings, got ${value}`);
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads a value within a JSON option as vLLM does: text that is not JSON is a string. */
export function jsonOrText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

const POWERS = "kmgt";

/**
 * Parses vLLM's human-readable integers (1k = 1000, 1K = 1024) and GNU dd's sizes (1kB = 1KB =
 * 1000, 1Ki = 1KiB = 1024). Numbers with a unit can be fractional.
 * @returns NaN for anything else
 */
export function parseSize(text: string): number {
  const match = /^(\d+)(\.\d+)?(?: ?([kmgt])| ?([KMGT])i?| ?([kmgt])b| ?([kmgt])ib)?$/.exec(
    bytesLowered(text.trim()),
  );
  if (match === null) return Number.NaN;
  const [, whole = "", fraction = "", short, shortBinary, decimal, binary] = match;
  const unit = short ?? shortBinary ?? decimal ?? binary;
  if (unit === undefined) return fraction === "" ? Number(whole) : Number.NaN;
  const base = shortBinary === undefined && binary === undefined ? 1000 : 1024;
  return Math.round(Number(whole + fraction) * base ** (POWERS.indexOf(unit.toLowerCase()) + 1));
}

/** Lowercases sizes that end in B, since case matters only in units without a B. */
function bytesLowered(text: string): string {
  return /b$/i.test(text) ? text.toLowerCase() : text;
}
