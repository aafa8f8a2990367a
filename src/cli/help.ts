// Help texts from the options table: the whole by group, or one option.

import { envName, OPTIONS, type OptionGroup, type OptionSpec, optionSpec } from "./options.ts";

const USAGE = `Pagoda: vLLM's scheduler, paged KV cache, OpenAI API and metrics over GGUF models.

  serve [model] [options]    start the server (the default command)

  serve                                    the default model on 127.0.0.1:8000
  serve model.gguf --max-model-len 4k
  serve user/repo:Q4_K_M --port 9000 --api-key secret
`;

const MORE = `Each option also as PAGODA_<NAME> in the environment and as a key of the --config file.
--help=<option> tells more of one, --print-config shows all values and where they come from.`;

/** @param name an option's name, for that option alone */
export function helpText(name: string | null): string {
  const option = name === null ? undefined : optionSpec(name.replaceAll("_", "-"));
  if (option !== undefined) return oneOption(option);
  const groups = [...new Set(OPTIONS.map(({ group }) => group))];
  return [USAGE, ...groups.map(groupText), MORE].join("\n");
}

function groupText(group: OptionGroup): string {
  const rows = (OPTIONS as readonly OptionSpec[])
    .filter((option) => option.group === group)
    .map((option) => `  --${option.name.padEnd(32)} ${option.help}`);
  return [`${group}:`, ...rows, ""].join("\n");
}

function oneOption(option: OptionSpec): string {
  const kind = option.choices?.join(" | ") ?? option.kind;
  return [
    `--${option.name} <${kind}>`,
    `  ${option.help}`,
    `  default: ${defaultText(option)}`,
    `  environment: ${[envName(option), option.env].filter(Boolean).join(", ")}`,
    "",
  ].join("\n");
}

/** The default as a reader sees it, with its unit. */
export function defaultText(option: OptionSpec): string {
  const { fallback, kind, unit } = option;
  if (fallback === null) return kind === "string" ? "none" : "decided at start";
  if (Array.isArray(fallback)) return "none";
  return [String(fallback) || "none", unit].filter(Boolean).join(" ");
}
