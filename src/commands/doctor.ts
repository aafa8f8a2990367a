// `doctor`: looks at what a server needs here, and says what to do about what is missing.

import type { CommandOptions } from "../cli/commands.ts";
import { engineConfig } from "../cli/engine-config.ts";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { samplingDefaults } from "../cli/sampling-defaults.ts";
import { bytesText } from "../cli/table.ts";
import { AnswerTimer } from "../client/answer-timer.ts";
import { SupervisedEngine } from "../engine/supervised-engine.ts";
import { hubCacheFolder } from "../models/hub.ts";
import { modelNameOf } from "../models/model-name.ts";
import { resolveModel } from "../models/model-source.ts";
import { ownCommand, startChild } from "../runtime/child-process.ts";
import { allowedCpus, numUsefulThreads } from "../runtime/cpus.ts";
import { canWriteIn, isPortTaken, machine } from "../runtime/machine.ts";
import { availableMemory, fileSize, processStats } from "../runtime/system.ts";
import { printLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";
import { clientOf, serveDefaults } from "./connection.ts";
import { modelSource } from "./model-downloads.ts";

type Options = CommandOptions<"doctor">;

export interface Finding {
  readonly level: "ok" | "warning" | "fault";
  readonly what: string;
  readonly text: string;
}

const ok = (what: string, text: string): Finding => ({ level: "ok", what, text });
const warning = (what: string, text: string): Finding => ({ level: "warning", what, text });
const fault = (what: string, text: string): Finding => ({ level: "fault", what, text });

export async function run(context: CommandContext): Promise<ExitCode> {
  const options = parseOptions("doctor", context.sources, context.warn);
  const findings: Finding[] = [];
  for await (const finding of findingsOf(options, context)) {
    findings.push(finding);
    if (!options.json)
      printLine(`${finding.level.padEnd(8)} ${finding.what.padEnd(10)} ${finding.text}`);
  }
  if (options.json) printLine(JSON.stringify(findings, null, 2));
  return findings.some(({ level }) => level === "fault") ? EXIT_CODES.failed : EXIT_CODES.ok;
}

async function* findingsOf(options: Options, context: CommandContext): AsyncGenerator<Finding> {
  const { env } = context.sources;
  yield cpuFinding();
  yield threadsFinding();
  yield filesFinding();
  yield cacheFinding(hubCacheFolder(env));
  yield await portFinding(options.host, options.port);
  try {
    const path = await resolveModel(options.model, modelSource(options, env, context.log));
    yield ok("model", `${path}, ${bytesText(fileSize(path))}`);
    yield memoryFinding(fileSize(path));
    yield* engineFindings(path, options, context);
  } catch (error) {
    yield fault("model", error instanceof Error ? error.message : String(error));
  }
}

function cpuFinding(): Finding {
  const { cpu, platform, cpuFeatures } = machine();
  const features = cpuFeatures?.join(" ") ?? "features not told";
  const isSlow = platform.endsWith("x64") && cpuFeatures?.includes("avx2") === false;
  if (isSlow)
    return warning(
      "cpu",
      `${cpu} has no AVX2: only an addon built here runs, by ggml's slower kernels`,
    );
  return ok("cpu", `${cpu}: ${features}`);
}

function threadsFinding(): Finding {
  const allowed = allowedCpus();
  const numThreads = numUsefulThreads(allowed);
  const numCpus = allowed?.length ?? machine().numCpus;
  const text = `${numThreads} threads on ${numCpus} CPUs`;
  if (numThreads === 1) return warning("threads", `${text}: prompts are computed slowly`);
  return ok("threads", text);
}

/** Each request in progress holds a connection. */
const FEW_FILES = 1024;

function filesFinding(): Finding {
  const maxFds = processStats()?.maxFds;
  if (maxFds === undefined) return ok("files", "the limit is not told");
  if (maxFds >= FEW_FILES) return ok("files", `${maxFds} may be open`);
  return warning(
    "files",
    `only ${maxFds} may be open: raise the limit, \`ulimit -n ${FEW_FILES}\``,
  );
}

function cacheFinding(folder: string): Finding {
  if (canWriteIn(folder)) return ok("cache", folder);
  return warning("cache", `${folder} cannot be written: set HF_HUB_CACHE before you pull models`);
}

async function portFinding(host: string, port: number): Promise<Finding> {
  const shown = `${host}:${port}`;
  if (!(await isPortTaken(host, port))) return ok("port", `${shown} is free`);
  return warning("port", `${shown} is taken: choose another --port, or stop what \`ps\` shows`);
}

function memoryFinding(modelBytes: number): Finding {
  const free = availableMemory();
  if (free === null) return ok("memory", "the system does not tell");
  const text = `${bytesText(free)} free, the model needs ${bytesText(modelBytes)} and its KV cache`;
  return free < modelBytes * 1.2 ? fault("memory", `${text}: too little`) : ok("memory", text);
}

const NUM_TOKENS = 16;

/** Starts the engine as a server does, in a child: a fault of native code is a finding too. */
async function* engineFindings(
  path: string,
  options: Options,
  context: CommandContext,
): AsyncGenerator<Finding> {
  const serving = { ...serveDefaults(context), ...options };
  const startedMs = performance.now();
  const engine = await SupervisedEngine.start({
    config: engineConfig(serving, path),
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
    yield ok("kv cache", `${bytesText(memory.kv)}, ${engine.info.maxModelLen} tokens a request`);
    const client = clientOf(engine, {
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
