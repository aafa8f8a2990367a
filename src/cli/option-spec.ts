// What an option is: one record of the table, and the type of its value.

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

/** Null = decided at start from the model and the machine. */
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
  /** Kebab case: `--name`, YAML key `name`, environment `PAGODA_NAME`. */
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
    /** A JSON list of texts; text that is no JSON is a list of one. */
    | "json-list"
    /** An object, whose keys can also be given one by one: `--name.key value`. */
    | "json";
  /** One letter: `-q`. */
  readonly short?: string;
  readonly fallback: OptionValue;
  readonly choices?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  /** Of a "number": the value is greater than this. */
  readonly above?: number;
  /** Words that stand for an integer, in lower case. */
  readonly words?: Readonly<Record<string, number>>;
  readonly unit?: string;
  /** What a shell offers for it, where that is not the choices. */
  readonly completes?: "model" | "file";
  /** A further environment variable that is read. */
  readonly env?: string;
  /** Never printed. */
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

/** The type that a record of the table gives its option. */
export type ValueOf<S extends OptionSpec> = S["fallback"] extends null
  ? BaseOf<S> | null
  : BaseOf<S>;

export function envName(option: OptionSpec): string {
  return `PAGODA_${option.name.toUpperCase().replaceAll("-", "_")}`;
}
