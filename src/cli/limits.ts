// The limits that the options give: on the queue, on time, on memory, on who is answered.

import { ConfigError } from "../errors.ts";
import { listedHosts } from "../host-name.ts";
import { processStats } from "../runtime/system.ts";
import type { ServeOptions } from "./commands.ts";

/** Of what a client leaves unread of one request. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** File descriptors that are not for clients: the model, the log, new connections. */
const RESERVED_FDS = 64;

/** For a front and its app. @param maxFds of the process; null = not known */
export function serveLimits(
  options: ServeOptions,
  warn: (line: string) => void,
  maxFds: number | null = processStats()?.maxFds ?? null,
) {
  return {
    maxNumQueuedReqs: cappedByFds(options["max-num-queued-reqs"], maxFds, warn),
    maxNumQueuedTokens: options["max-num-queued-tokens"],
    queueTimeoutS: options["queue-timeout"],
    requestTimeoutS: options["request-timeout"],
    maxUnreadBytes: MAX_UNREAD_BYTES,
    maxMemoryUse: options["max-memory-percent"] / 100,
    apiKeyScope: options["api-key-scope"],
    allowedHosts: listedHosts(options["allowed-hosts"]),
    rootPath: rootPathOf(options["root-path"]),
    allowedOrigins: options["allowed-origins"],
    allowedMethods: options["allowed-methods"],
    allowedHeaders: options["allowed-headers"],
    allowCredentials: options["allow-credentials"],
  };
}

/** Accepts a path with or without a trailing slash, as FastAPI does. @throws ConfigError "invalid_option" */
function rootPathOf(text: string): string {
  const path = text.replace(/\/+$/, "");
  if (path === "" || /^(\/[\w.~!$&'()*+,;=:@-]+)+$/.test(path)) return path;
  const message = `root-path: ${JSON.stringify(text)} is no path such as /llm`;
  throw new ConfigError("invalid_option", message);
}

/** Each request in flight holds a connection: without descriptors left nobody would even be refused. */
function cappedByFds(
  maxNumQueuedReqs: number,
  maxFds: number | null,
  warn: (line: string) => void,
): number {
  const room = Math.max(1, (maxFds ?? Number.POSITIVE_INFINITY) - RESERVED_FDS);
  if (maxNumQueuedReqs <= room) return maxNumQueuedReqs;
  warn(`only ${room} requests in flight: raise the limit of open files (ulimit -n) for more`);
  return room;
}
