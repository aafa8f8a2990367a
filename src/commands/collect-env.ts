// `collect-env`: prints details of the program, the machine and the settings for a bug report.
// Secrets are hidden.

import { version } from "../../package.json";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { bytesText } from "../cli/table.ts";
import { MODELS_DIR } from "../models/default-model.ts";
import { type Env, hubCacheFolder } from "../models/hub.ts";
import { installedModels } from "../models/installed-models.ts";
import { loadAddon } from "../runner/addon.ts";
import { allowedCpus, numUsefulThreads } from "../runtime/cpus.ts";
import { machine } from "../runtime/machine.ts";
import { availableMemory, processStats } from "../runtime/system.ts";
import { printLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";

/** Environment variables that affect the program. */
const SETTINGS =
  /^(PAGODA_|VLLM_|HF_|HUGGING_FACE_|PYTHONHASHSEED|PROMETHEUS_|OTEL_|BUN_|XDG_CACHE_HOME|NO_COLOR|TERM$|LANG$|TMPDIR)/;
const SECRET = /(KEY|TOKEN|SECRET|PASSWORD|HEADERS)/;

export async function run({ sources, warn }: CommandContext): Promise<ExitCode> {
  const { json } = parseOptions("collect-env", sources, warn);
  const facts = await environment(sources.env);
  const rows = Object.entries(facts).map(([name, value]) => `${name.padEnd(18)} ${value}`);
  printLine(json ? JSON.stringify(facts, null, 2) : rows.join("\n"));
  return EXIT_CODES.ok;
}

async function environment(env: Env): Promise<Record<string, string>> {
  const { platform, system, kernel, cpu, cpuFeatures, numCpus, ...here } = machine();
  const models = installedModels(env, MODELS_DIR);
  const free = availableMemory();
  const settings = Object.keys(env)
    .filter((name) => SETTINGS.test(name))
    .sort();
  return {
    pagoda: `${version}, ${here.isExecutable ? "executable" : "from source"}`,
    bun: here.bunVersion,
    platform,
    system: `${system}, kernel ${kernel}`,
    addon: await addonText(),
    cpu: `${cpu}, ${numCpus} CPUs, ${numUsefulThreads(allowedCpus())} useful threads`,
    "cpu features": cpuFeatures?.join(" ") ?? "unknown",
    gpu: here.gpus.join("; ") || "none found",
    memory: `${bytesText(here.memoryBytes)}, ${free === null ? "?" : bytesText(free)} free`,
    "open files": String(processStats()?.maxFds ?? "unknown"),
    "hub cache": hubCacheFolder(env),
    models: models.map(({ name, bytes }) => `${name} (${bytesText(bytes)})`).join(", ") || "none",
    variables: settings.map((name) => `${name}=${shown(name, env[name])}`).join(" ") || "none",
  };
}

async function addonText(): Promise<string> {
  try {
    const { contractVersion, hasGpu, grammarEngine } = await loadAddon();
    const gpu = hasGpu ? "with" : "without";
    return `contract ${contractVersion}, ${gpu} a GPU, grammars by ${grammarEngine ?? "none"}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function shown(name: string, value = ""): string {
  // URLs can contain a password.
  return SECRET.test(name) ? "(hidden)" : value.replace(/\/\/[^/@\s]*@/g, "//(hidden)@");
}
