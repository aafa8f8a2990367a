// The fields of a request that the generation options give.

import type { CommandOptions } from "../cli/commands.ts";

type Options = Pick<
  CommandOptions<"chat">,
  "max-tokens" | "temperature" | "top-p" | "seed" | "extra-body"
>;

/** What is left to the server is left out. @param isSeeded whether somebody has chosen the seed */
export function generationFields(
  options: Options,
  modelName: string,
  isSeeded: boolean,
): Record<string, unknown> {
  const fields = {
    max_tokens: options["max-tokens"],
    temperature: options.temperature,
    top_p: options["top-p"],
    seed: isSeeded ? options.seed : null,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  return { model: modelName, ...Object.fromEntries(given), ...options["extra-body"] };
}
