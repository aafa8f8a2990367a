// The peer: llama-server at the pinned commit (bench/peers.sh), with the best options for a workload. A
// candidate is one set of options; measurements determine the best candidate for each workload.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ForcedSet } from "../probe/cpu.ts";
import { startChild, untilReady } from "./child.ts";
import type { ServedModel, Server } from "./server.ts";

const ROOT = join(import.meta.dir, "..", "..");

/** One build per instruction set, because llama.cpp's kernels are selected at compile time. */
function programOf(cpu: ForcedSet | null): string {
  const build = cpu === null ? "peers" : `peers-${cpu}`;
  return join(ROOT, "build", build, "bin", "llama-server");
}

/** Builds llama-server if it is missing or outdated (a few minutes). @returns false if the build fails */
export async function buildLlamaServer(cpu: ForcedSet | null): Promise<boolean> {
  const script = join(ROOT, "bench", "peers.sh");
  const command = ["bash", script, ...(cpu === null ? [] : [cpu])];
  const child = Bun.spawn(command, { stdio: ["ignore", "inherit", "inherit"] });
  return (await child.exited) === 0 && existsSync(programOf(cpu));
}

export interface Candidate {
  readonly flags: readonly string[];
  /** Whether OpenMP's threads sleep at a barrier instead of spinning. */
  readonly isPassive?: boolean;
}

/** Capacity that a workload needs. */
export interface Room {
  /** Number of concurrent requests. */
  readonly concurrency: number;
  /** Length of the longest request in tokens, including its output. */
  readonly maxTokens: number;
}

const numCpus = navigator.hardwareConcurrency;

/** Options of every candidate: one slot per stream, each with room for the longest request. */
function roomFlags({ concurrency, maxTokens }: Room): string[] {
  const perSlot = Math.ceil((maxTokens + 8) / 256) * 256;
  return ["-np", String(concurrency), "-c", String(perSlot * concurrency)];
}

const THREADS = ["-t", String(numCpus)];

/** Separate KV streams and flash attention, usually the best choice. */
const USUAL: readonly Candidate[] = [{ flags: [...THREADS, "-no-kvu", "-fa", "on"] }];

/**
 * Candidate that keeps weights in the file's layout: neither repacked nor in AMX's layout, which
 * is slower for small numbers of rows.
 */
const PLAIN: Candidate = { flags: [...THREADS, "-no-kvu", "-fa", "on", "--no-repack"] };

// --quick uses only the first candidate of each list.

/** Candidates that vary threads, wait policy, attention, and weight layout, one at a time. */
export const DECODE_CANDIDATES: readonly Candidate[] = [
  ...USUAL,
  { flags: [...THREADS, "-no-kvu", "-fa", "on"], isPassive: true },
  { flags: [...THREADS, "-no-kvu", "-fa", "off"] },
  { flags: ["-t", "1", "-no-kvu", "-fa", "on"] },
  PLAIN,
];

export const BATCH_CANDIDATES: readonly Candidate[] = [
  ...USUAL,
  { flags: [...THREADS, "-kvu", "-fa", "on"] },
  { flags: [...THREADS, "-no-kvu", "-fa", "off"] },
  { flags: [...THREADS, "-no-kvu", "-fa", "on"], isPassive: true },
  PLAIN,
];

export const PREFILL_CANDIDATES: readonly Candidate[] = [
  ...USUAL,
  { flags: [...THREADS, "-no-kvu", "-fa", "off"] },
  { flags: [...THREADS, "-no-kvu", "-fa", "on", "-b", "512", "-ub", "512"] },
  { flags: [...THREADS, "-no-kvu", "-fa", "on"], isPassive: true },
  PLAIN,
];

/** Candidates for measuring gaps during a long prompt, where batch size matters most. */
export const GAP_CANDIDATES: readonly Candidate[] = [
  { flags: [...THREADS, "-no-kvu", "-fa", "on", "-b", "256", "-ub", "256"] },
  { flags: [...THREADS, "-kvu", "-fa", "on", "-b", "128", "-ub", "128"] },
  { flags: [...THREADS, "-no-kvu", "-fa", "on", "-b", "64", "-ub", "64"] },
];

/** Candidates for a CPU shared with other processes: passive waiting, or fewer threads. */
export const BUSY_CANDIDATES: readonly Candidate[] = [
  { flags: [...THREADS, "-no-kvu", "-fa", "on"], isPassive: true },
  { flags: ["-t", "1", "-no-kvu", "-fa", "on"] },
];

export function candidateName({ flags, isPassive }: Candidate): string {
  return `${isPassive === true ? "OMP_WAIT_POLICY=passive " : ""}${flags.join(" ")}`;
}

export async function startLlamaServer(
  model: ServedModel,
  room: Room,
  candidate: Candidate,
): Promise<Server> {
  const port = freePort();
  const flags = [...roomFlags(room), ...candidate.flags, "--cache-ram", "8192"];
  const quiet = ["--no-webui", "--no-slots", "--offline", "--log-verbosity", "1"];
  const place = ["-m", model.path, "--host", "127.0.0.1", "--port", String(port)];
  const env = candidate.isPassive === true ? { OMP_WAIT_POLICY: "passive" } : {};
  const child = startChild([programOf(model.cpu), ...place, ...flags, ...quiet], env);
  const url = `http://127.0.0.1:${port}`;
  const name = model.cpu === null ? "llama-server" : `llama-server (${model.cpu} build)`;
  const words = candidateName({ ...candidate, flags });
  await untilReady(`${name} with ${words}`, child, () => isHealthy(url));
  return {
    name,
    url,
    model: "peer",
    pid: child.pid,
    flags: words,
    death: child.death,
    stop: child.stop,
  };
}

async function isHealthy(url: string): Promise<true | null> {
  try {
    return (await fetch(`${url}/health`)).ok ? true : null;
  } catch {
    return null;
  }
}

function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}
