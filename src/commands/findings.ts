// Findings of `doctor`, and its checks of the machine. These run before anything is built or
// downloaded, so this file must not import packages.

import type { CommandOptions } from "../cli/commands.ts";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { ConfigError } from "../errors.ts";
import { hubCacheFolder } from "../models/hub.ts";
import { allowedCpus, numUsefulThreads } from "../runtime/cpus.ts";
import { listenAddress } from "../runtime/listen-address.ts";
import { canWriteIn, machine } from "../runtime/machine.ts";
import { processStats } from "../runtime/system.ts";
import { printLine } from "../runtime/terminal.ts";
import { tryOut } from "./listen-place.ts";

export interface Finding {
  readonly level: "ok" | "warning" | "fault";
  readonly what: string;
  readonly text: string;
}

export const ok = (what: string, text: string): Finding => ({ level: "ok", what, text });
export const warning = (what: string, text: string): Finding => ({ level: "warning", what, text });
export const fault = (what: string, text: string): Finding => ({ level: "fault", what, text });

/** Prints each finding as it arrives, or JSON at the end. @returns the exit code */
export async function printFindings(
  findings: AsyncIterable<Finding>,
  asJson: boolean,
): Promise<ExitCode> {
  const all: Finding[] = [];
  for await (const finding of findings) {
    all.push(finding);
    if (!asJson) printLine(`${finding.level.padEnd(8)} ${finding.what.padEnd(10)} ${finding.text}`);
  }
  if (asJson) printLine(JSON.stringify(all, null, 2));
  return all.some(({ level }) => level === "fault") ? EXIT_CODES.failed : EXIT_CODES.ok;
}

export async function* machineFindings(
  { host, port }: Pick<CommandOptions<"doctor">, "host" | "port">,
  env: Readonly<Record<string, string | undefined>>,
): AsyncGenerator<Finding> {
  yield cpuFinding();
  yield threadsFinding();
  yield filesFinding();
  yield cacheFinding(hubCacheFolder(env));
  yield await portFinding(host, port);
}

function cpuFinding(): Finding {
  const { cpu, platform, cpuFeatures } = machine();
  const features = cpuFeatures?.join(" ") ?? "features unknown";
  const isSlow = platform.endsWith("x64") && cpuFeatures?.includes("avx2") === false;
  if (isSlow)
    return warning(
      "cpu",
      `${cpu} has no AVX2: only an addon built on this machine works, with ggml's slower kernels`,
    );
  return ok("cpu", `${cpu}: ${features}`);
}

function threadsFinding(): Finding {
  const allowed = allowedCpus();
  const numThreads = numUsefulThreads(allowed);
  const numCpus = allowed?.length ?? machine().numCpus;
  const text = `${numThreads} threads on ${numCpus} CPUs`;
  if (numThreads === 1) return warning("threads", `${text}: prompts will be slow`);
  return ok("threads", text);
}

/**
 * Open-file limit below which a warning is printed, because each request in progress holds a connection.
 */
const FEW_FILES = 1024;

function filesFinding(): Finding {
  const maxFds = processStats()?.maxFds;
  if (maxFds === undefined) return ok("files", "limit not reported by the system");
  if (maxFds >= FEW_FILES) return ok("files", `limit of ${maxFds} open files`);
  return warning(
    "files",
    `limit of only ${maxFds} open files; raise it with \`ulimit -n ${FEW_FILES}\``,
  );
}

function cacheFinding(folder: string): Finding {
  if (canWriteIn(folder)) return ok("cache", folder);
  return warning("cache", `${folder} is not writable; set HF_HUB_CACHE before pulling models`);
}

/** Checks the port by listening briefly, as `serve` does. */
async function portFinding(host: string, port: number): Promise<Finding> {
  const shown = `${host}:${port}`;
  try {
    await tryOut({ ...(await listenAddress(host)), port, socketPath: null, tls: null });
    return ok("port", `${shown} is free`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.code !== "address_in_use") return fault("port", error.message);
    return warning(
      "port",
      `${shown} is in use; choose another --port, or stop the server listed by \`ps\``,
    );
  }
}
