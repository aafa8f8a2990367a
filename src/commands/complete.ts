// `complete`: completes a prompt and prints the text to standard output.

import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { isGiven, parseOptions } from "../cli/parse-options.ts";
import { ConfigError } from "../errors.ts";
import { pipedText, withInput } from "../runtime/line-input.ts";
import { AnswerPrinter, endedByServer } from "./answer-printer.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connection.ts";
import { requestFields } from "./request-fields.ts";

export async function run(context: CommandContext): Promise<ExitCode> {
  const { sources, log, warn } = context;
  const options = parseOptions("complete", sources, warn);
  const prompt =
    options.prompt === "-" ? await promptFromInput() : await withInput(options.prompt, log);
  const { client, modelName, close } = await connect("complete", options, context);
  const isSeeded = isGiven("complete", "seed", sources);
  try {
    const body = { ...requestFields(options, modelName, isSeeded), prompt };
    const answer = client.streamCompletion(body);
    const printer = new AnswerPrinter(sources.env);
    const { isCut, otherEnd } = await printer.print(answer, process.stdout.isTTY === true);
    if (isCut && !("max_tokens" in body))
      log("the text was cut off at the server's default length; set --max-tokens");
    if (otherEnd !== null) log(endedByServer(otherEnd));
  } finally {
    await close();
  }
  return EXIT_CODES.ok;
}

/** @throws ConfigError "missing_option" if there is no piped input */
async function promptFromInput(): Promise<string> {
  const prompt = process.stdin.isTTY === true ? "" : await pipedText();
  if (prompt !== "") return prompt;
  throw new ConfigError(
    "missing_option",
    "complete: no prompt; pass one as an argument or pipe it in",
  );
}
