// `doctor`: checks whether a server can run on this machine, and explains how to fix problems.

import type { CommandOptions } from "../cli/commands.ts";
import { withDraftModel } from "../cli/draft-model.ts";
import { engineConfig } from "../cli/engine-config.ts";
import type { ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { samplingDefaults } from "../cli/sampling-defaults.ts";
import { bytesText } from "../cli/table.ts";
import { AnswerTimer } from "../client/answer-timer.ts";
import { modelNameOf } from "../models/model-name.ts";
import { resolveModel } from "../models/model-source.ts";
import { SupervisedEngine } from "../process/supervised-engine.ts";
import { loadAddon } from "../runner/addon.ts";
import { ownCommand, startChild } from "../runtime/child-process.ts";
import { systemFault } from "../runtime/file-fault.ts";
import { availableMemory } from "../runtime/system.ts";
import type { CommandContext } from "./command.ts";
import { clientOf, serveDefaults } from "./connection.ts";
import { type Finding, fault, machineFindings, ok, printFindings, warning } from "./findings.ts";
import { modelSource } from "./model-downloads.ts";

type Options = CommandOptions<"doctor">;

export async function run(context: CommandContext): Promise<ExitCode> {
  const options = parseOptions("doctor", context.sources, context.warn);
  return printFindings(findingsOf(options, context), options.json);
}

async function* findingsOf(options: Options, context: CommandContext): AsyncGenerator<Finding> {
  const { env } = context.sources;
  yield* machineFindings(options, env);
  try {
    const path = await resolveModel(options.model, modelSource(options, env, context.log));
    const weightBytes = await checkModel(path, options, context);
    yield ok("model", `${path}, ${bytesText(weightBytes)}`);
    yield memoryFinding(weightBytes);
    yield await grammarFinding();
    yield* engineFindings(path, options, context);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    yield fault("model", systemFault(error) ?? text);
  }
}

/**
 * Runs the checks that precede loading.
 * @returns size of the weights in bytes
 * @throws the same errors as `serve` for an incomplete or unsupported model
 */
async function checkModel(
  path: string,
  options: Options,
  context: CommandContext,
): Promise<number> {
  samplingDefaults({ ...serveDefaults(context), ...options }, path);
  const addon = await loadAddon();
  return (await addon.readModelHeader(path, "f16")).weightBytes;
}

async function grammarFinding(): Promise<Finding> {
  const { grammarEngine } = await loadAddon();
  if (grammarEngine !== null) return ok("grammars", grammarEngine);
  return warning(
    "grammars",
    "the addon has no grammar engine, so structured output is refused; install cargo 1.87 or later and run setup again",
  );
}

function memoryFinding(modelBytes: number): Finding {
  const free = availableMemory();
  if (free === null) return ok("memory", "not reported by the system");
  const text = `${bytesText(free)} free; the model needs ${bytesText(modelBytes)} plus its KV cache`;
  return free < modelBytes * 1.2 ? fault("memory", `${text}: not enough`) : ok("memory", text);
}

const NUM_TOKENS = 16;

/**
 * Starts the engine in a child process, as a server does, so a crash in native code is reported as
 * a finding.
 */
async function* engineFindings(
  path: string,
  options: Options,
  context: CommandContext,
): AsyncGenerator<Finding> {
  const serving = { ...serveDefaults(context), ...options };
  const source = modelSource(options, context.sources.env, context.log);
  const config = await withDraftModel(engineConfig(serving, path), source);
  const startedMs = performance.now();
  const engine = await SupervisedEngine.start({
    config,
    host: { onLoadProgress: () => {}, log: context.log },
    startProcess: () => startChild(ownCommand("engine")),
    maxDeaths: 1,
    stepTimeoutMs: 60_000,
  });
  try {
    const { model, memory } = engine.info;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    const kernels = `${model.attentionBackend} attention, ${model.weightKernels} weight kernels`;
    yield ok("engine", `loads in ${seconds} s: ${model.device}, ${kernels}`);
    yield ok("kv cache", `${bytesText(memory.kv)}, ${engine.info.maxModelLen} tokens per request`);
    const client = await clientOf(engine, {
      ...{ path, serving, sampling: samplingDefaults(serving, path) },
      warn: context.warn,
    });
    const timer = new AnswerTimer(() => performance.now());
    const body = { prompt: "Once upon a time", max_tokens: NUM_TOKENS, ignore_eos: true };
    const answer = client.streamCompletion({ ...body, model: modelNameOf(path) });
    for await (const piece of answer) timer.read(piece);
    yield ok("answer", timer.summary());
  } finally {
    await engine.shutdown();
  }
}
