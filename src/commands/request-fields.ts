// Converts the request options of `chat` and `complete` to request fields.

import type { CommandOptions } from "../cli/commands.ts";
import { ConfigError } from "../errors.ts";

type Options = Pick<
  CommandOptions<"chat">,
  "max-tokens" | "temperature" | "top-p" | "seed" | "extra-body"
>;

/** Fields that the command itself sets. */
const OWN_FIELDS = ["messages", "prompt", "stream", "stream_options"];

/** @throws ConfigError "invalid_option" for a field that would have no effect */
function checkExtraBody(body: Options["extra-body"]): void {
  const own = Object.keys(body).find((name) => OWN_FIELDS.includes(name));
  if (own !== undefined)
    throw new ConfigError("invalid_option", `--extra-body: ${own} is set by the command itself`);
  const { n = 1 } = body;
  if (n !== 1)
    throw new ConfigError(
      "invalid_option",
      "--extra-body: n must be 1, since only one answer is printed",
    );
}

/**
 * Omits unset fields, for which the server has defaults.
 * @param isSeeded whether the user set the seed
 */
export function requestFields(
  options: Options,
  modelName: string,
  isSeeded: boolean,
): Record<string, unknown> {
  checkExtraBody(options["extra-body"]);
  const fields = {
    max_tokens: options["max-tokens"],
    temperature: options.temperature,
    top_p: options["top-p"],
    seed: isSeeded ? options.seed : null,
  };
  const given = Object.entries(fields).filter(([, value]) => value !== null);
  return { model: modelName, ...Object.fromEntries(given), ...options["extra-body"] };
}
