// A server or helper process started by the bench: polled until it is ready, and always stopped when the
// bench exits.

import { BenchError, ServerDeath } from "../bench-error.ts";
import { countChild } from "../measure.ts";
import { cpuSecondsOf } from "./proc.ts";

export interface Child {
  readonly pid: number;
  /** Last 8 KiB of stdout and stderr together. */
  output(): string;
  /**
   * Reason for an unplanned exit, such as "crashed (SIGILL)" or "exited with code 1"; null if there was none.
   */
  death(): string | null;
  stop(): Promise<void>;
}

const OUTPUT_KEPT = 8192;
const STOP_TIMEOUT_MS = 5_000;

const running = new Set<Bun.Subprocess>();
let stopsAtExit = false;

/** Stops all running children at exit. */
function stopAtExit(): void {
  if (stopsAtExit) return;
  stopsAtExit = true;
  process.on("exit", () => {
    for (const child of running) child.kill("SIGKILL");
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
}

export function startChild(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Child {
  stopAtExit();
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  running.add(child);
  let text = "";
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    for await (const bytes of stream) {
      text = (text + decoder.decode(bytes, { stream: true })).slice(-OUTPUT_KEPT);
    }
  };
  void follow(child.stdout);
  void follow(child.stderr);
  let isStopped = false;
  const death = () => (isStopped ? null : deathOf(child));
  const stop = async () => {
    isStopped ||= deathOf(child) === null;
    countChild(cpuSecondsOf(child.pid));
    child.kill("SIGTERM");
    const kill = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await child.exited;
    clearTimeout(kill);
    running.delete(child);
  };
  return { pid: child.pid, output: () => text, death, stop };
}

function deathOf({ signalCode, exitCode }: Bun.Subprocess): string | null {
  if (signalCode !== null) return `crashed (${signalCode})`;
  return exitCode === null ? null : `exited with code ${exitCode}`;
}

const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 20;

/**
 * Polls until `ask` returns a result.
 * @param what name of the server, with its configuration
 * @throws ServerDeath when the child crashes, BenchError with its last lines when it does not start
 */
export async function untilReady<T>(
  what: string,
  child: Child,
  ask: () => Promise<T | null>,
): Promise<T> {
  const startMs = performance.now();
  while (child.death() === null && performance.now() - startMs < READY_TIMEOUT_MS) {
    const result = await ask();
    if (result !== null) return result;
    await Bun.sleep(POLL_MS);
  }
  const death = child.death();
  await child.stop();
  if (death?.startsWith("crashed") === true) throw new ServerDeath(`${what} ${death}`);
  const lines = child.output().trim().split("\n");
  throw new BenchError(`${what} did not start: ${lines.slice(-3).join(" | ")}`);
}
