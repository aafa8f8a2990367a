// Command line, environment and YAML to options, in vLLM's dialect: `_` and `-` are equal, `--no-x`
// negates, `--x=v` and `--x v` are the same, list options take several words. The command line wins
// over the environment, that over the file, that over the defaults.

import { ConfigError } from "../errors.ts";
import { ignoredFlag } from "./ignored-flags.ts";
import { nearestName } from "./nearest-name.ts";
import { readOption } from "./option-value.ts";
import {
  envName,
  OPTIONS,
  type OptionSpec,
  type OptionValue,
  optionSpec,
  type ServeOptions,
} from "./options.ts";

export interface OptionSources {
  /** Words after the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a YAML file into an object. @throws ConfigError */
  readonly readYaml: (path: string) => Readonly<Record<string, unknown>>;
}

/** Gets a line for each accepted flag that has no effect. */
export type Warn = (line: string) => void;

export interface ResolvedOption {
  readonly option: OptionSpec;
  readonly value: OptionValue;
  /** "command line", "environment", the file's path or "default". */
  readonly source: string;
}

type Values = Map<string, OptionValue>;

/**
 * @returns all options, frozen
 * @throws ConfigError "invalid_option" or "unknown_option"
 */
export function parseOptions(sources: OptionSources, warn: Warn): ServeOptions {
  const entries = resolveOptions(sources, warn).map(({ option, value }) => [option.name, value]);
  return Object.freeze(Object.fromEntries(entries)) as ServeOptions;
}

/** In the table's order. @throws ConfigError as parseOptions does */
export function resolveOptions(sources: OptionSources, warn: Warn): ResolvedOption[] {
  const fromArgv = readArgv(sources.argv, warn);
  const fromEnv = readEnv(sources.env);
  const path = fromArgv.get("config") ?? fromEnv.get("config") ?? null;
  const ranked: [string, Values][] = [
    ["command line", fromArgv],
    ["environment", fromEnv],
    [String(path), path === null ? new Map() : readFile(sources, String(path), warn)],
  ];
  return OPTIONS.map((option) => {
    const found = ranked.find(([, values]) => values.has(option.name));
    const value = found?.[1].get(option.name) ?? option.fallback;
    return { option, value, source: found?.[0] ?? "default" };
  });
}

function readArgv(argv: readonly string[], warn: Warn): Values {
  const values: Values = new Map();
  for (let i = 0; i < argv.length; ) {
    const word = argv[i] ?? "";
    if (word.startsWith("-")) {
      i += readFlagAt(argv, i, values, warn);
      continue;
    }
    if (values.has("model")) {
      const message = `unexpected argument ${word}; options begin with --`;
      throw new ConfigError("invalid_option", message);
    }
    values.set("model", word);
    i++;
  }
  return values;
}

/** @returns the number of words used */
function readFlagAt(argv: readonly string[], at: number, values: Values, warn: Warn): number {
  const [flag = "", ...afterEquals] = (argv[at] ?? "").split("=");
  const inline = afterEquals.length > 0 ? [afterEquals.join("=")] : [];
  const following = inline.length > 0 ? [] : wordsAfter(argv, at);
  const name = flag.slice(2).replaceAll("_", "-");
  const option = flag.startsWith("--") ? optionSpec(name) : undefined;
  if (option === undefined) return readOtherFlag(flag, name, following, values, warn);
  if (option.kind === "flag") {
    values.set(name, readOption(option, inline[0] ?? true, flag));
    return 1;
  }
  const taken = option.kind === "strings" ? following : following.slice(0, 1);
  const words = [...inline, ...taken];
  if (words.length === 0) throw new ConfigError("invalid_option", `${flag} needs a value`);
  setOrExtend(values, option, words, flag);
  return 1 + taken.length;
}

function setOrExtend(values: Values, option: OptionSpec, words: string[], flag: string): void {
  if (option.kind !== "strings") {
    values.set(option.name, readOption(option, words[0], flag));
    return;
  }
  const before = values.get(option.name);
  values.set(option.name, [...(Array.isArray(before) ? before : []), ...words]);
}

/** `--no-x`, a vLLM flag without effect, or an unknown one. */
function readOtherFlag(
  flag: string,
  name: string,
  following: readonly string[],
  values: Values,
  warn: Warn,
): number {
  const negated = name.startsWith("no-") ? optionSpec(name.slice(3)) : undefined;
  if (negated?.kind === "flag") {
    values.set(negated.name, false);
    return 1;
  }
  const ignored = ignoredFlag(name);
  if (ignored === undefined) throw unknownOption(flag, name);
  warn(`${flag} has no effect: ${ignored.reason}`);
  return 1 + (ignored.takesValue ? Math.min(1, following.length) : 0);
}

function unknownOption(shown: string, name: string): ConfigError {
  const names = OPTIONS.map((option) => option.name);
  const nearest = nearestName(name.replaceAll("_", "-"), names);
  const hint = nearest === null ? "; --help lists them" : `; did you mean --${nearest}?`;
  return new ConfigError("unknown_option", `unknown option ${shown}${hint}`);
}

function wordsAfter(argv: readonly string[], at: number): string[] {
  const rest = argv.slice(at + 1);
  const end = rest.findIndex((word) => word.startsWith("--"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** Lists are separated by commas. Empty variables count as not set. */
function readEnv(env: OptionSources["env"]): Values {
  const values: Values = new Map();
  for (const option of OPTIONS as readonly OptionSpec[]) {
    const name = [envName(option), option.env].find((key) => key && env[key]);
    const text = name === undefined ? undefined : env[name];
    if (name === undefined || text === undefined) continue;
    const value = option.kind === "strings" ? text.split(",").filter(Boolean) : text;
    values.set(option.name, readOption(option, value, name));
  }
  return values;
}

/** A key without a value counts as not set, so that the output of --print-config can be read back. */
function readFile(sources: OptionSources, path: string, warn: Warn): Values {
  const values: Values = new Map();
  for (const [key, value] of Object.entries(sources.readYaml(path))) {
    if (value === null) continue;
    const name = key.replaceAll("_", "-");
    const option = optionSpec(name);
    const ignored = ignoredFlag(name);
    if (option !== undefined) {
      values.set(option.name, readOption(option, value, `${key} in ${path}`));
    } else if (ignored !== undefined) {
      warn(`${key} in ${path} has no effect: ${ignored.reason}`);
    } else {
      throw unknownOption(`${key} in ${path}`, name);
    }
  }
  return values;
}
