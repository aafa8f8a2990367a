// Limits from the options: queue, time, memory and access.

import { ConfigError } from "../errors.ts";
import { listedHosts } from "../host-name.ts";
import { processStats } from "../runtime/system.ts";
import type { ServeOptions } from "./commands.ts";

/** Maximum output of one request that a client can leave unread. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** File descriptors reserved for other uses: the model, the log, new connections. */
const RESERVED_FDS = 64;

/** Limits for a front and its app. @param maxFds open-file limit of the process; null = unknown */
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

/**
 * Accepts a path with or without a trailing slash, as FastAPI does.
 * @throws ConfigError "invalid_option"
 */
function rootPathOf(text: string): string {
  const path = text.replace(/\/+$/, "");
  if (path === "" || /^(\/[\w.~!$&'()*+,;=:@-]+)+$/.test(path)) return path;
  const message = `root-path: ${JSON.stringify(text)} is not a path such as /llm`;
  throw new ConfigError("invalid_option", message);
}

/**
 * Caps the queue at the open-file limit: without free descriptors the server could not even refuse.
 */
function cappedByFds(
  maxNumQueuedReqs: number,
  maxFds: number | null,
  warn: (line: string) => void,
): number {
  const room = Math.max(1, (maxFds ?? Number.POSITIVE_INFINITY) - RESERVED_FDS);
  if (maxNumQueuedReqs <= room) return maxNumQueuedReqs;
  warn(`the open-file limit allows only ${room} concurrent requests; raise it with ulimit -n`);
  return room;
}
