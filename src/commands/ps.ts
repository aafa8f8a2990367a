// `ps`: lists this user's servers on this machine by finding them among the running processes and querying them.

import { basename } from "node:path";
import { EXIT_CODES, type ExitCode } from "../cli/exit-codes.ts";
import { parseOptions } from "../cli/parse-options.ts";
import { bytesText, tableText } from "../cli/table.ts";
import { ApiClient } from "../client/api-client.ts";
import { ConfigError } from "../errors.ts";
import {
  listenersOf,
  type RunningProcess,
  runningProcesses,
  socketFilesOf,
} from "../runtime/processes.ts";
import { printLine } from "../runtime/terminal.ts";
import type { CommandContext } from "./command.ts";

interface RunningServer {
  readonly pid: number;
  /** Server URL, or "unix:" followed by a path for a Unix socket. */
  readonly url: string;
  /** Model name; null if unknown because the server is starting or requires a key. */
  readonly model: string | null;
  readonly wantsKey: boolean;
  readonly isHealthy: boolean;
  readonly isSleeping: boolean;
  /** Number of running requests; null if unknown. */
  readonly running: number | null;
  readonly waiting: number | null;
  /** Resident memory of the server and its engine. */
  readonly residentBytes: number;
  readonly uptimeS: number;
}

const TIMEOUT_MS = 1000;

export async function run({ sources, log, warn }: CommandContext): Promise<ExitCode> {
  const options = parseOptions("ps", sources, warn);
  const servers = await runningServers(options["api-key"][0] ?? null);
  if (options.json) printLine(JSON.stringify(servers, null, 2));
  else if (servers.length === 0) log("no server is running; start one with `serve`");
  else printLine(serversText(servers));
  const isRefused = servers.some(({ wantsKey }) => wantsKey);
  if (isRefused) log("a server requires a key to show its model; pass --api-key");
  return EXIT_CODES.ok;
}

async function runningServers(apiKey: string | null): Promise<RunningServer[]> {
  const processes = runningProcesses();
  const servers = processes.filter(({ argv }) => isServer(argv));
  const asked = servers.flatMap((server) =>
    placesOf(server.pid).map((place) => askServer(place, apiKey, server, processes)),
  );
  return Promise.all(asked);
}

/** Address at which clients reach a server. */
interface Place {
  /** Host and port to use in the server's URLs. */
  readonly host: string;
  /** Path of a Unix socket; null = TCP. */
  readonly socketPath: string | null;
}

function placesOf(pid: number): Place[] {
  return [
    ...listenersOf(pid).map(({ host, port }) => ({ host: `${host}:${port}`, socketPath: null })),
    ...socketFilesOf(pid).map((socketPath) => ({ host: "localhost", socketPath })),
  ];
}

/** @returns whether a command line runs `serve`, from the executable or from source */
function isServer(argv: readonly string[]): boolean {
  const program = argv.findIndex(
    (word) =>
      /^pagoda(\.exe)?$/.test(basename(word)) || /(src\/main|scripts\/pagoda)\.ts$/.test(word),
  );
  return program >= 0 && argv[program + 1] === "serve";
}

/**
 * Skips certificate verification, because the certificate is for the host name that clients use, not for this address.
 */
function fetchAt({ socketPath }: Place): (request: Request) => Promise<Response> {
  const unix = socketPath === null ? {} : { unix: socketPath };
  return (request) => fetch(request, { ...unix, tls: { rejectUnauthorized: false } });
}

/** @returns the server's URL, with the scheme that the server responds to */
async function urlOf(place: Place): Promise<string> {
  const [plain, secure] = [`http://${place.host}`, `https://${place.host}`];
  const answers = async (url: string) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return fetchAt(place)(new Request(`${url}/health`, { signal })).then(
      () => true,
      () => false,
    );
  };
  return !(await answers(plain)) && (await answers(secure)) ? secure : plain;
}

async function askServer(
  place: Place,
  apiKey: string | null,
  { pid, residentBytes, uptimeS }: RunningProcess,
  processes: readonly RunningProcess[],
): Promise<RunningServer> {
  const url = await urlOf(place);
  const client = new ApiClient({ url, apiKey, fetch: fetchAt(place) });
  const signal = () => AbortSignal.timeout(TIMEOUT_MS);
  const [isHealthy, models, isAsleep, metrics] = await Promise.all([
    client.isHealthy(TIMEOUT_MS),
    client.modelNames(signal()).catch((error: unknown) => error),
    client.isSleeping(signal()),
    client.metricsText(signal()).catch(() => ""),
  ]);
  const engines = processes.filter(({ parentPid }) => parentPid === pid);
  return {
    ...{ pid, isHealthy, uptimeS: Math.round(uptimeS) },
    url: place.socketPath === null ? url : `unix:${place.socketPath}`,
    model: Array.isArray(models) ? (models[0] ?? null) : null,
    wantsKey: models instanceof ConfigError && models.code === "key_refused",
    isSleeping: isAsleep ?? gauge(metrics, "vllm:engine_sleep_state", 'sleep_state="awake"') === 0,
    running: gauge(metrics, "vllm:num_requests_running"),
    waiting: gauge(metrics, "vllm:num_requests_waiting"),
    residentBytes: engines.reduce((sum, engine) => sum + engine.residentBytes, residentBytes),
  };
}

/** @param label one of the series' labels, with its value */
function gauge(metrics: string, name: string, label = ""): number | null {
  const value = new RegExp(`^${name}\\{[^}]*${label}[^}]*\\} (\\S+)$`, "m").exec(metrics)?.[1];
  return value === undefined ? null : Number(value);
}

function serversText(servers: readonly RunningServer[]): string {
  const rows = servers.map(({ pid, url, model, running, waiting, ...one }) => [
    String(pid),
    url,
    model ?? "?",
    healthText(one),
    String(running ?? "?"),
    String(waiting ?? "?"),
    bytesText(one.residentBytes),
    uptimeText(one.uptimeS),
  ]);
  const head = ["PID", "URL", "MODEL", "HEALTH", "RUNNING", "WAITING", "MEMORY", "UP"];
  return tableText(head, rows, ["PID", "RUNNING", "WAITING", "MEMORY", "UP"]);
}

/** @returns the health to display; a sleeping server is healthy, since it queues requests */
function healthText({ isHealthy, isSleeping }: Pick<RunningServer, "isHealthy" | "isSleeping">) {
  if (!isHealthy) return "not ready";
  return isSleeping ? "sleeping" : "ok";
}

/** "42 s", "5 min", "3 h", "12 d" */
function uptimeText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 * 2
    ? `${Math.floor(seconds / 3600)} h`
    : `${Math.floor(seconds / 86_400)} d`;
}
