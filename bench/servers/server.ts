// A server under load: its URL, its model name and, if it runs on this machine, its process with its flags
// and CPU time.

import type { Target } from "../../src/benchmark/measured-request.ts";
import { BenchError, ServerDeath } from "../bench-error.ts";
import type { ForcedSet } from "../probe/cpu.ts";
import { commandOf, pidListeningOn } from "./proc.ts";

export interface Server extends Target {
  /** "Pagoda", "llama-server" or the URL. */
  readonly name: string;
  /** Process id; null if the server runs on another machine or its process is not visible. */
  readonly pid: number | null;
  /** The command line without the program name; null if unknown. */
  readonly flags: string | null;
  /** Reason for an unplanned exit; null if there was none, or if the process is not visible. */
  death(): string | null;
  stop(): Promise<void>;
}

/** When a server crashes, its connections can close a little before its exit is reported. */
const DEATH_WAIT_MS = 2_000;
const DEATH_POLL_MS = 20;

/** Checks after a failure whether the server has crashed. @throws ServerDeath if it has */
export async function checkAlive(server: Server): Promise<void> {
  const endMs = performance.now() + DEATH_WAIT_MS;
  while (server.death() === null && performance.now() < endMs) await Bun.sleep(DEATH_POLL_MS);
  const death = server.death();
  if (death !== null) throw new ServerDeath(`${server.name} ${death}: ${server.flags}`);
}

/** Settings for a server that the bench starts. */
export interface ServedModel {
  /** Path of the GGUF file. */
  readonly path: string;
  /** Instruction set that the server is limited to; null = the CPU's best. */
  readonly cpu: ForcedSet | null;
}

const CONNECT_TIMEOUT_MS = 5_000;

/** A server that the bench did not start. @throws BenchError when no server responds at the URL */
export async function serverAt(url: string): Promise<Server> {
  const base = url.replace(/\/+$/, "").replace(/\/v1$/, "");
  const model = await modelOf(base);
  const pid = pidListeningOn(Number(new URL(base).port));
  const command = pid === null ? null : commandOf(pid);
  const flags = command?.slice(1).join(" ") ?? null;
  return { name: base, url: base, model, pid, flags, death: () => null, stop: async () => {} };
}

/** The first model that the server lists. @throws BenchError */
export async function modelOf(url: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
    const response = await fetch(`${url}/v1/models`, { signal });
    const { data } = (await response.json()) as { data: readonly { id: string }[] };
    const id = data[0]?.id;
    if (id !== undefined) return id;
  } catch {
    // Every failure leads to the same error below.
  }
  throw new BenchError(`no server responds at ${url}/v1/models`);
}
