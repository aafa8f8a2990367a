// Converts options to limits on the queue, time, memory and access.

import { ConfigError } from "../errors.ts";
import { listedHosts } from "../host-name.ts";
import { processStats } from "../runtime/system.ts";
import type { ServeOptions } from "./commands.ts";

/** Maximum size of the unread output of one request. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** File descriptors reserved for other uses: the model, the log, new connections. */
const RESERVED_FDS = 64;

/** Limits for a front and its app. @param maxFds the process's open-file limit; null = unknown */
export function serveLimits(
  options: ServeOptions,
  warn: (line: string) => void,
  maxFds: number | null = processStats()?.maxFds ?? null,
) {
  const memoryPercent = options["max-memory-percent"];
  return {
    maxNumQueuedReqs: cappedByFds(options["max-num-queued-reqs"], maxFds, warn),
    maxNumQueuedTokens: options["max-num-queued-tokens"] ?? ("auto" as const),
    queueTimeoutMs: timeoutMs(options["queue-timeout"]),
    requestTimeoutMs: timeoutMs(options["request-timeout"]),
    maxUnreadBytes: MAX_UNREAD_BYTES,
    responseStoreBytes: options["response-store-bytes"],
    responseStoreTtlMs: options["response-store-ttl"] * 1000,
    maxMemoryUse: memoryPercent === 100 ? null : memoryPercent / 100,
    maxLogprobs: maxLogprobs(options),
    apiKeyScope: options["api-key-scope"],
    allowedHosts: listedHosts(options["allowed-hosts"], "--allowed-hosts"),
    rootPath: rootPathOf(options["root-path"]),
    allowedOrigins: options["allowed-origins"]?.map(originOf) ?? null,
    allowedMethods: options["allowed-methods"],
    allowedHeaders: options["allowed-headers"],
    allowCredentials: options["allow-credentials"],
  };
}

/** -1 = the whole vocabulary, as in vLLM. */
export function maxLogprobs({ "max-logprobs": max }: ServeOptions): number | null {
  return max === -1 ? null : max;
}

/** @returns null for a negative number, which means no limit */
export function unlessNegative(value: number): number | null {
  return value < 0 ? null : value;
}

/** Maps 0, which means "no limit" in options (as in vLLM), to null. */
export function unlessZero(value: number): number | null {
  return value === 0 ? null : value;
}

export function timeoutMs(seconds: number): number | null {
  return unlessZero(seconds * 1000);
}

/**
 * Converts an origin to the form that browsers send: in lowercase and without a trailing slash.
 * @throws ConfigError "invalid_option" for text that no browser would send
 */
function originOf(text: string): string {
  const origin = text.toLowerCase().replace(/\/$/, "");
  if (/^(\*|null|[a-z][a-z\d+.-]*:\/\/[^\s/?#@]+)$/.test(origin)) return origin;
  const message = `--allowed-origins: ${JSON.stringify(text)} is not an origin such as https://example.com`;
  throw new ConfigError("invalid_option", message);
}

/**
 * Accepts a path with or without a trailing slash, as FastAPI does.
 * @throws ConfigError "invalid_option"
 */
function rootPathOf(text: string): string {
  const path = text.replace(/\/+$/, "");
  if (path === "" || /^(\/[\w.~!$&'()*+,;=:@-]+)+$/.test(path)) return path;
  const message = `--root-path: ${JSON.stringify(text)} is not a path such as /llm`;
  throw new ConfigError("invalid_option", message);
}

/**
 * Caps the queue below the open-file limit, because without free descriptors, the server could not even refuse
 * requests.
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
