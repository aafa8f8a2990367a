// Parses options from the command line, environment and YAML in vLLM's dialect: `_` and `-` are
// equivalent, `--no-x` negates, `--x=v` equals `--x v`, and lists take several words. Precedence:
// command line, environment, file, defaults.

import { assert } from "../assert.ts";
import { ConfigError } from "../errors.ts";
import {
  type CommandName,
  type CommandOptions,
  type CommandSpec,
  commandSpec,
  optionsOf,
} from "./commands.ts";
import { readEnvironment, strangeVariables } from "./environment.ts";
import { familiarHint, sameOption } from "./familiar-names.ts";
import { type IgnoredFlag, ignoredFlag } from "./ignored-flags.ts";
import { nearestName } from "./nearest-name.ts";
import type { OptionSpec, OptionValue } from "./option-spec.ts";
import { checkSecrets, readOption } from "./option-value.ts";
import {
  addWords,
  checkList,
  givenTwice,
  readFileValue,
  setJsonKey,
  type Values,
} from "./option-values.ts";
import { optionSpec } from "./options.ts";
import { checkBuilt, type UnbuiltFlag, unbuiltFlag } from "./unbuilt-flags.ts";
import { dashed, isFlag, wordsAfter } from "./words.ts";

export interface OptionSources {
  /** Words after the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads a YAML file into an object. @throws ConfigError */
  readonly readYaml: (path: string) => Readonly<Record<string, unknown>>;
}

/** Receives a line for each flag that is accepted but has no effect. */
export type Warn = (line: string) => void;

export interface ResolvedOption {
  readonly option: OptionSpec;
  readonly value: OptionValue;
  /** "command line", "environment", the file's path or "default". */
  readonly source: string;
}

/**
 * @returns all of the command's options, frozen
 * @throws ConfigError "invalid_option", "unknown_option" or "unsupported_option"
 */
export function parseOptions<N extends CommandName>(
  name: N,
  sources: OptionSources,
  warn: Warn,
): CommandOptions<N> {
  const command = commandSpec(name);
  assert(command !== undefined, "a command in the table");
  const resolved = resolveOptions(command, sources, warn);
  const entries = resolved.map(({ option, value }) => [option.name, value]);
  return Object.freeze(Object.fromEntries(entries)) as CommandOptions<N>;
}

/** @returns whether an option is set anywhere @throws the same errors as parseOptions() */
export function isGiven(name: CommandName, option: string, sources: OptionSources): boolean {
  const command = commandSpec(name);
  assert(command !== undefined, "a command in the table");
  const resolved = resolveOptions(command, sources, () => {});
  return resolved.some((one) => one.option.name === option && one.source !== "default");
}

/**
 * Lists the options that are set on the command line itself, not in a file or the environment. @throws the same errors
 * as parseOptions()
 */
export function typedOptions(name: CommandName, sources: OptionSources): string[] {
  const command = commandSpec(name);
  assert(command !== undefined, "a command in the table");
  const resolved = resolveOptions(command, sources, () => {});
  return resolved
    .filter(({ source }) => source === "command line")
    .map(({ option }) => option.name);
}

/** @returns all options in the table's order. @throws the same errors as parseOptions() */
export function resolveOptions(
  command: CommandSpec,
  sources: OptionSources,
  warn: Warn,
): ResolvedOption[] {
  const reader = new OptionReader(command, warn);
  const fromArgv = reader.readArgv(sources.argv);
  const fromEnv = readEnvironment(optionsOf(command), sources.env);
  for (const line of strangeVariables(sources.env)) warn(line);
  const path = fromArgv.get("config") ?? fromEnv.get("config") ?? null;
  const fromFile = path === null ? new Map() : reader.readFile(sources, String(path));
  const ranked: [string, Values][] = [
    ["command line", fromArgv],
    ["environment", fromEnv],
    [String(path), fromFile],
  ];
  return optionsOf(command).map((option) => {
    const found = ranked.find(([, values]) => values.has(option.name));
    const value = found?.[1].get(option.name) ?? option.fallback;
    const source = found?.[0] ?? "default";
    if (option.isSecret === true) checkSecrets(option, value, source);
    return { option, value, source };
  });
}

/**
 * A flag's name in kebab case, its value after "=" (one word or none), and the words after the
 * flag.
 */
interface FlagWords {
  readonly name: string;
  readonly inline: readonly string[];
  readonly following: readonly string[];
}

/** Reads the options for one command and warns once about each vLLM flag that has no effect. */
class OptionReader {
  readonly #command: CommandSpec;
  readonly #options: ReadonlyMap<string, OptionSpec>;
  readonly #warn: Warn;
  readonly #warnedOf = new Set<string>();
  /** Values of options set by positional arguments, by name. */
  readonly #words = new Map<string, string>();

  constructor(command: CommandSpec, warn: Warn) {
    this.#command = command;
    this.#options = new Map(optionsOf(command).map((option) => [option.name, option]));
    this.#warn = warn;
  }

  readArgv(argv: readonly string[]): Values {
    const values: Values = new Map();
    const places = [...this.#command.arguments];
    const end = argv.includes("--") ? argv.indexOf("--") : argv.length;
    for (let i = 0; i < end; ) {
      const word = argv[i] ?? "";
      if (isFlag(word)) {
        i += this.#readFlagAt(argv, i, values);
        continue;
      }
      this.#readWord(word, places, values);
      i++;
    }
    // Words after "--" are positional arguments even if they begin with a dash.
    for (const word of argv.slice(end + 1)) this.#readWord(word, places, values);
    return values;
  }

  /** Assigns a positional argument to the next option; a list takes all remaining arguments. */
  #readWord(word: string, places: string[], values: Values): void {
    const option = this.#options.get(places[0] ?? "");
    const isTaken = option !== undefined && option.kind !== "strings" && values.has(option.name);
    if (isTaken) throw givenTwice(option, String(values.get(option.name)), word);
    if (option === undefined) {
      const message = `unexpected argument ${word}; options begin with --`;
      throw new ConfigError("invalid_option", message);
    }
    addWords(values, option, [word], option.name);
    if (option.kind === "strings") return;
    this.#words.set(option.name, word);
    places.shift();
  }

  /** @returns the number of words used */
  #readFlagAt(argv: readonly string[], at: number, values: Values): number {
    const [flag = "", ...afterEquals] = (argv[at] ?? "").split("=");
    const inline = afterEquals.length > 0 ? [afterEquals.join("=")] : [];
    const following = inline.length > 0 ? [] : wordsAfter(argv, at);
    const name = flag.replace(/^--?/, "").replaceAll("_", "-");
    const option = this.#optionOf(flag, name);
    const [stem = "", ...keys] = flag.slice(2).split(".");
    const json = this.#options.get(stem.replaceAll("_", "-"));
    if (json?.kind === "json" && keys.length > 0) {
      setJsonKey(values, json, keys, inline[0] ?? following[0], flag);
      return inline.length > 0 ? 1 : 2;
    }
    if (option === undefined) return this.#readOtherFlag(flag, { name, inline, following }, values);
    if (option.kind === "flag") {
      values.set(option.name, readOption(option, inline[0] ?? true, flag));
      return 1;
    }
    const taken = this.#takesAll(option) ? following : following.slice(0, 1);
    checkList(flag, taken);
    const words = [...inline, ...taken];
    const [value] = words;
    if (value === undefined) throw new ConfigError("invalid_option", `${flag} needs a value`);
    const word = this.#words.get(option.name);
    if (word !== undefined) throw givenTwice(option, word, value);
    addWords(values, option, words, flag);
    return 1 + taken.length;
  }

  /**
   * Whether a list takes all following words, as in vLLM. A list from another group takes only one
   * word, because the command's own arguments can follow.
   */
  #takesAll({ kind, group }: OptionSpec): boolean {
    return kind === "strings" && this.#command.groups.includes(group);
  }

  /** Finds an option by its name, its short form, or its name in other programs. */
  #optionOf(flag: string, name: string): OptionSpec | undefined {
    const own = flag.startsWith("--") ? this.#options.get(name) : this.#shortOption(flag);
    const isTaken = (option: string) => this.#options.has(option);
    return own ?? this.#options.get(sameOption(dashed(flag), isTaken) ?? "");
  }

  #shortOption(flag: string): OptionSpec | undefined {
    return [...this.#options.values()].find(
      ({ short }) => short !== undefined && flag === `-${short}`,
    );
  }

  /**
   * Reads `--no-x` or a vLLM flag that has no effect; refuses any other flag.
   * @returns the number of words used
   */
  #readOtherFlag(flag: string, { name, inline, following }: FlagWords, values: Values): number {
    const negated = this.#negatedOption(name);
    if (negated !== undefined) {
      if (inline[0] !== undefined) throw negatedWithValue(flag, negated, inline[0]);
      values.set(negated.name, false);
      return 1;
    }
    const without = ignoredFlag(flag.startsWith("--") ? name : flag) ?? unbuiltFlag(name);
    if (without === undefined) throw this.#unknownOption(flag, name);
    const taken = following.slice(0, without.maxWords);
    checkBuilt(name, flag, [...inline, ...taken][0]);
    this.#warnOnce(flag, without);
    return 1 + taken.length;
  }

  /** Finds the flag that `no-x` negates. */
  #negatedOption(name: string): OptionSpec | undefined {
    const option = name.startsWith("no-") ? this.#options.get(name.slice(3)) : undefined;
    return option?.kind === "flag" ? option : undefined;
  }

  #warnOnce(shown: string, { name, reason }: IgnoredFlag | UnbuiltFlag): void {
    if (this.#warnedOf.has(name)) return;
    this.#warnedOf.add(name);
    this.#warn(`${shown} has no effect: ${reason}`);
  }

  #unknownOption(shown: string, name: string): ConfigError {
    const command = this.#command.name;
    if (shown.startsWith("-") && /\s/.test(name)) {
      const message = `"${shown}" is quoted as one word; pass the value as a separate word or after "="`;
      return new ConfigError("unknown_option", message);
    }
    const familiar = familiarHint(dashed(shown), (option) => this.#options.has(option));
    if (familiar !== undefined)
      return new ConfigError("unknown_option", `unknown option ${shown}: ${familiar}`);
    if (optionSpec(name) !== undefined && !this.#options.has(name)) {
      const message = `${command} has no option ${shown}; ${command} --help lists its options`;
      return new ConfigError("unknown_option", message);
    }
    const nearest = nearestName(name, [...this.#options.keys()]);
    const hint = nearest === null ? "; --help lists all options" : `; did you mean --${nearest}?`;
    return new ConfigError("unknown_option", `unknown option ${shown}${hint}`);
  }

  /**
   * Reads a YAML file. Skips keys without a value, which --print-config prints for unset options.
   * Also skips options of other commands, so one file works for all commands.
   */
  readFile(sources: OptionSources, path: string): Values {
    const values: Values = new Map();
    for (const [key, value] of Object.entries(sources.readYaml(path))) {
      if (value === null) continue;
      // Allows the same spellings as on the command line.
      const name = key.replace(/^--/, "").replaceAll("_", "-");
      const option = this.#optionOf(`--${name}`, name);
      const negated = option === undefined ? this.#negatedOption(name) : undefined;
      const without = ignoredFlag(name) ?? unbuiltFlag(name);
      const shown = `${key} in ${path}`;
      checkBuilt(name, shown, value);
      if (option !== undefined) values.set(option.name, readFileValue(option, value, shown));
      else if (negated !== undefined) values.set(negated.name, !readOption(negated, value, shown));
      else if (without !== undefined) this.#warnOnce(shown, without);
      else if (optionSpec(name) === undefined) throw this.#unknownOption(shown, name);
    }
    return values;
  }
}

/** Error for a negated flag with a value, such as --no-x=false, which would be ambiguous. */
function negatedWithValue(flag: string, { name }: OptionSpec, value: string): ConfigError {
  const message = `${flag} takes no value, got ${value}; use --${name}=${value}`;
  return new ConfigError("invalid_option", message);
}
