// The fields of a request that the generation options give.

import type { CommandOptions } from "../cli/commands.ts";

type Options = Pick<CommandOptions<"chat">, "max-tokens" | "temperature" | "top-p" | "extra-body">;

/** What is left to the server is left out. */
export function generationFields(options: Options, modelName: string): Record<string, unknown> {
  const fields = {
    max_tokens: options["max-tokens"],
    temperature: options.temperature,
    top_p: options["top-p"],
  };
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  return { model: modelName, ...Object.fromEntries(given), ...options["extra-body"] };
}
