// Types for the options table: a record and its value.

export const OPTION_GROUPS = [
  "Model",
  "Memory",
  "Scheduling",
  "Hardware",
  "Server",
  "Metrics and logs",
  "Client",
  "Request",
  "Download",
  "Load",
  "Listing",
  "Command",
  "Other",
] as const;

export type OptionGroup = (typeof OPTION_GROUPS)[number];

/** An option's value; null = chosen at startup based on the model and the machine. */
export type OptionValue =
  | string
  | number
  | boolean
  | readonly string[]
  | readonly number[]
  | JsonObject
  | null;

export type JsonObject = Readonly<Record<string, unknown>>;

export interface OptionSpec {
  /** Name in kebab case: `--name`, YAML key `name`, environment `PAGODA_NAME`. */
  readonly name: string;
  readonly group: OptionGroup;
  readonly kind:
    | "string"
    | "strings"
    | "integer"
    | "size"
    | "number"
    | "flag"
    | "choice"
    | "cpus"
    /** A JSON list of strings; text that is not JSON becomes a one-element list. */
    | "json-list"
    /** A JSON object, whose keys can also be set one by one: `--name.key value`. */
    | "json";
  /** One-letter short form: `-q`. */
  readonly short?: string;
  readonly fallback: OptionValue;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Exclusive lower bound for a "number". */
  readonly above?: number;
  /** Words that represent a number, in lowercase. */
  readonly words?: Readonly<Record<string, number | null>>;
  readonly unit?: string;
  /** Kind of values that shell completion offers for an option without choices. */
  readonly completes?: "model" | "file";
  /** Additional environment variable to read. */
  readonly env?: string;
  /** Whether the value is never printed. */
  readonly isSecret?: true;
  readonly help: string;
}

type BaseOf<S extends OptionSpec> = S["kind"] extends "strings" | "json-list"
  ? readonly string[]
  : S["kind"] extends "cpus"
    ? readonly number[]
    : S["kind"] extends "flag"
      ? boolean
      : S["kind"] extends "json"
        ? JsonObject
        : S["kind"] extends "integer" | "size" | "number"
          ? number
          : S extends { choices: readonly (infer C)[] }
            ? C
            : string;

/** Type of an option's value, derived from its record. */
export type ValueOf<S extends OptionSpec> = S["fallback"] extends null
  ? BaseOf<S> | null
  : BaseOf<S>;

export function envName(option: OptionSpec): string {
  return `PAGODA_${option.name.toUpperCase().replaceAll("-", "_")}`;
}
