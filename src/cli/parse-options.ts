// Command line, environment and YAML to options, in vLLM's dialect: `_` and `-` are equal, `--no-x`
// negates, `--x=v` and `--x v` are the same, list options take several words. The command line wins
// over the environment, that over the file, that over the defaults.

import { ConfigError } from "../errors.ts";
import {
  envName,
  OPTIONS,
  type OptionSpec,
  optionSpec,
  readOption,
  type ServeOptions,
} from "./options.ts";

export interface OptionSources {
  /** Words after the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a YAML file into an object. @throws ConfigError */
  readonly readYaml: (path: string) => Readonly<Record<string, unknown>>;
}

type Values = Map<string, ReturnType<typeof readOption>>;

/** vLLM flags that have no meaning here: accepted with a warning, so that command lines carry over. */
const IGNORED = [
  "gpu-memory-utilization",
  "tensor-parallel-size",
  "pipeline-parallel-size",
  "dtype",
  "trust-remote-code",
  "enforce-eager",
  "swap-space",
  "enable-chunked-prefill",
  "disable-log-requests",
  "uvicorn-log-level",
  "load-format",
  "tokenizer",
  "quantization",
];

/**
 * @param warn gets a line for each accepted flag that has no effect
 * @throws ConfigError "invalid_option" or "unknown_option"
 */
export function parseOptions(sources: OptionSources, warn: (line: string) => void): ServeOptions {
  const fromArgv = readArgv(sources.argv, warn);
  const fromEnv = readEnv(sources.env);
  const configPath = fromArgv.get("config") ?? fromEnv.get("config") ?? null;
  const fromFile = configPath === null ? new Map() : readFile(sources, String(configPath));
  const entries = OPTIONS.map(({ name, fallback }) => {
    const given = fromArgv.get(name) ?? fromEnv.get(name) ?? fromFile.get(name);
    return [name, given === undefined ? fallback : given];
  });
  return Object.freeze(Object.fromEntries(entries)) as ServeOptions;
}

function readArgv(argv: readonly string[], warn: (line: string) => void): Values {
  const values: Values = new Map();
  for (let i = 0; i < argv.length; ) {
    const word = argv[i] ?? "";
    if (!word.startsWith("--")) {
      values.set("model", onlyModel(values, word));
      i++;
      continue;
    }
    i += readFlagAt(argv, i, values, warn);
  }
  return values;
}

function onlyModel(values: Values, word: string): string {
  if (!values.has("model")) return word;
  throw new ConfigError("invalid_option", `unexpected argument ${word}; options begin with --`);
}

/** @returns the number of words used */
function readFlagAt(
  argv: readonly string[],
  at: number,
  values: Values,
  warn: (line: string) => void,
): number {
  const word = argv[at] ?? "";
  const equals = word.indexOf("=");
  const flag = equals < 0 ? word : word.slice(0, equals);
  const name = flag.slice(2).replaceAll("_", "-");
  const inline = equals < 0 ? [] : [word.slice(equals + 1)];
  const option = optionSpec(name);
  const following = equals < 0 ? wordsAfter(argv, at) : [];
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
  const before = (values.get(option.name) ?? []) as readonly string[];
  values.set(option.name, [...before, ...words]);
}

/** `--no-x`, a vLLM flag without effect, or an unknown one. */
function readOtherFlag(
  flag: string,
  name: string,
  following: readonly string[],
  values: Values,
  warn: (line: string) => void,
): number {
  const negated = name.startsWith("no-") ? optionSpec(name.slice(3)) : undefined;
  if (negated?.kind === "flag") {
    values.set(negated.name, false);
    return 1;
  }
  if (!IGNORED.includes(name.replace(/^no-/, ""))) {
    throw new ConfigError("unknown_option", `unknown option ${flag}${suggestion(name)}`);
  }
  warn(`${flag} has no effect here and is ignored`);
  return 1 + Math.min(1, following.length);
}

function wordsAfter(argv: readonly string[], at: number): string[] {
  const rest = argv.slice(at + 1);
  const end = rest.findIndex((word) => word.startsWith("--"));
  return end < 0 ? rest : rest.slice(0, end);
}

function readEnv(env: OptionSources["env"]): Values {
  const values: Values = new Map();
  for (const option of OPTIONS as readonly OptionSpec[]) {
    const name = [envName(option), option.env].find((key) => key && env[key] !== undefined);
    const text = name === undefined ? undefined : env[name];
    if (name === undefined || text === undefined) continue;
    const value = option.kind === "strings" ? text.split(",").filter(Boolean) : text;
    values.set(option.name, readOption(option, value, name));
  }
  return values;
}

function readFile(sources: OptionSources, path: string): Values {
  const values: Values = new Map();
  for (const [key, value] of Object.entries(sources.readYaml(path))) {
    const option = optionSpec(key.replaceAll("_", "-"));
    if (option === undefined) {
      const text = `unknown option ${key} in ${path}${suggestion(key)}`;
      throw new ConfigError("unknown_option", text);
    }
    values.set(option.name, readOption(option, value, `${key} in ${path}`));
  }
  return values;
}

function suggestion(name: string): string {
  const wanted = name.replaceAll("_", "-");
  const ranked = OPTIONS.map((option) => ({
    name: option.name,
    distance: editDistance(wanted, option.name),
  })).sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= 4 ? `; did you mean --${best.name}?` : "";
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
