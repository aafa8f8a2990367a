// `ps`: the servers of this user on this machine, found by what runs and asked how they are.

import { basename } from "node:path";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { bytesText, tableText } from "../cli/table.ts";
import { ApiClient } from "../client/api-client.ts";
import { listenersOf, type RunningProcess, runningProcesses } from "../runtime/processes.ts";
import type { CommandContext } from "./command.ts";

interface RunningServer {
  readonly pid: number;
  readonly url: string;
  /** Null when it did not tell: it is starting, or wants a key. */
  readonly model: string | null;
  readonly isHealthy: boolean;
  /** Requests; null when it did not tell. */
  readonly running: number | null;
  readonly waiting: number | null;
  /** Of the server and its engine. */
  readonly residentBytes: number;
  readonly uptimeS: number;
}

const TIMEOUT_MS = 1000;

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const options = parseOptions("ps", sources, warn);
  const servers = await runningServers(options["api-key"][0] ?? null);
  if (options.json) console.log(JSON.stringify(servers, null, 2));
  else if (servers.length === 0) log("no server runs here; `serve` starts one");
  else console.log(serversText(servers));
  return EXIT_CODES.ok;
}

async function runningServers(apiKey: string | null): Promise<RunningServer[]> {
  const processes = runningProcesses();
  const servers = processes.filter(({ argv }) => isServer(argv));
  const asked = servers.flatMap((server) =>
    listenersOf(server.pid).map(({ host, port }) =>
      askServer(`http://${host}:${port}`, apiKey, server, processes),
    ),
  );
  return Promise.all(asked);
}

/** The executable, or its source run by Bun, with the word `serve`. */
function isServer(argv: readonly string[]): boolean {
  const program = argv.findIndex(
    (word) =>
      /^pagoda(\.exe)?$/.test(basename(word)) || /(src\/main|scripts\/pagoda)\.ts$/.test(word),
  );
  return program >= 0 && argv[program + 1] === "serve";
}

async function askServer(
  url: string,
  apiKey: string | null,
  { pid, residentBytes, uptimeS }: RunningProcess,
  processes: readonly RunningProcess[],
): Promise<RunningServer> {
  const client = new ApiClient({ url, apiKey, fetch });
  const signal = () => AbortSignal.timeout(TIMEOUT_MS);
  const [isHealthy, model, metrics] = await Promise.all([
    client.isHealthy(TIMEOUT_MS),
    client.modelNames(signal()).then(
      ([first = null]) => first,
      () => null,
    ),
    client.metricsText(signal()).catch(() => ""),
  ]);
  const engines = processes.filter(({ parentPid }) => parentPid === pid);
  return {
    ...{ pid, url, model, isHealthy, uptimeS: Math.round(uptimeS) },
    running: gauge(metrics, "vllm:num_requests_running"),
    waiting: gauge(metrics, "vllm:num_requests_waiting"),
    residentBytes: engines.reduce((sum, engine) => sum + engine.residentBytes, residentBytes),
  };
}

function gauge(metrics: string, name: string): number | null {
  const value = new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, "m").exec(metrics)?.[1];
  return value === undefined ? null : Number(value);
}

function serversText(servers: readonly RunningServer[]): string {
  const rows = servers.map(({ pid, url, model, isHealthy, running, waiting, ...one }) => [
    String(pid),
    url,
    model ?? "?",
    isHealthy ? "ok" : "not ready",
    String(running ?? "?"),
    String(waiting ?? "?"),
    bytesText(one.residentBytes),
    uptimeText(one.uptimeS),
  ]);
  const head = ["PID", "URL", "MODEL", "HEALTH", "RUNNING", "WAITING", "MEMORY", "UP"];
  return tableText(head, rows, ["PID", "RUNNING", "WAITING", "MEMORY", "UP"]);
}

/** "42 s", "5 min", "3 h", "12 d" */
function uptimeText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 * 2
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}
