// `bench`: benchmarks a running server, as `vllm bench serve` does.

import { closedLoop, type Load, openLoop } from "../benchmark/load.ts";
import { measureRequest, type RequestSpec, type Target } from "../benchmark/measured-request.ts";
import { promptText, randomOf } from "../benchmark/prompts.ts";
import { resultText } from "../benchmark/result-text.ts";
import { servingResult } from "../benchmark/serving-result.ts";
import type { CommandOptions } from "../cli/commands.ts";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { ApiClient, baseUrl } from "../client/api-client.ts";
import { ConfigError } from "../errors.ts";
import { checkWritable, writeText } from "../runtime/system.ts";
import { printLine, stderrTerminal } from "../runtime/terminal.ts";
import { shownUrl } from "../shown-url.ts";
import type { CommandContext } from "./command.ts";
import { DEFAULT_URL, firstModel } from "./connection.ts";

type Options = CommandOptions<"bench">;

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const options = parseOptions("bench", sources, warn);
  const path = options["result-filename"];
  if (path !== "") checkWritable(path);
  const target = await targetOf(options, log);
  log(`sending ${options["num-prompts"]} requests to ${target.model} at ${shownUrl(target.url)}`);
  const specOf = (index: number) => specAt(index, options);
  // Warms up the server and reports any refusal before the load starts.
  const first = await measureRequest(target, specOf(-1));
  if (first.error !== null) throw new ConfigError("request_refused", first.error);
  const { timelines, durationS } = await load(target, options, progress(sources.env, options));
  const result = servingResult(timelines, durationS);
  const json = JSON.stringify({ model_id: target.model, ...result }, null, 2);
  printLine(options.json ? json : resultText(result));
  if (path !== "") writeText(path, `${json}\n`);
  for (const error of new Set(result.errors)) log(`failed: ${error}`);
  if (result.failed === 0) return EXIT_CODES.ok;
  return (await isGone(target)) ? EXIT_CODES.noServer : EXIT_CODES.failed;
}

const PROBE_TIMEOUT_MS = 5_000;

/**
 * @returns whether the server is unreachable; a server that does not respond in time counts as slow, not
 * gone
 */
async function isGone({ url, apiKey = null }: Target): Promise<boolean> {
  const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const asked = new ApiClient({ url, apiKey, fetch }).modelNames(signal);
  return asked.then(
    () => false,
    (error: unknown) => error instanceof ConfigError && error.code === "server_unreachable",
  );
}

async function targetOf(options: Options, log: CommandContext["log"]): Promise<Target> {
  const url = options.url === "" ? DEFAULT_URL : baseUrl(options.url);
  const apiKey = options["api-key"][0] ?? null;
  const first = await firstModel(new ApiClient({ url, apiKey, fetch }), log);
  return { url, apiKey, model: options["model-name"] || first };
}

/**
 * @returns a request with a prompt of random words, so no prompt hits another prompt's cached prefix
 */
function specAt(index: number, options: Options): RequestSpec {
  const { seed } = options;
  return {
    prompt: promptText(seed * 1_000_003 + index, options["random-input-len"]),
    maxTokens: options["random-output-len"],
    fields: options["extra-body"],
  };
}

function load(target: Target, options: Options, onStart: (index: number) => void): Promise<Load> {
  const specOf = (index: number) => {
    onStart(index);
    return specAt(index, options);
  };
  const bounds = {
    concurrency: options["max-concurrency"],
    maxRequests: options["num-prompts"],
  };
  const { "request-rate": rate, burstiness, seed } = options;
  if (rate === null) return closedLoop(target, specOf, bounds);
  return openLoop(target, specOf, { ...bounds, rate, burstiness, random: randomOf(seed) });
}

/** Shows the number of requests sent, if stderr is a terminal. */
function progress(env: CommandContext["sources"]["env"], options: Options) {
  const terminal = stderrTerminal(env);
  const total = options["num-prompts"];
  return (index: number): void => {
    if (!terminal.canRedraw) return;
    terminal.write(`\r\x1b[K${index + 1} of ${total} sent${index + 1 === total ? "\n" : ""}`);
  };
}
