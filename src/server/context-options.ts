// Builds the context shared by all routes from a front and the server's options.

import { type ApiOptions, apiContext } from "../api/api-context.ts";
import { ResponseStore } from "../api/responses/response-store.ts";
import { stackOf } from "../errors.ts";
import type { Front } from "../front/front.ts";
import type { MeasuredFront } from "../front/measured-front.ts";
import type { ListenAddress } from "../host-name.ts";
import type { MetricFeature } from "../metrics/family.ts";
import { CLAIMED_VERSION } from "../metrics/version-gate.ts";
import { memoryUse } from "../runtime/system.ts";
import type { ApiKeyScope } from "./auth.ts";
import { ANY_ORIGIN, Cors } from "./cors.ts";
import { type HostCheck, hostCheck } from "./host-check.ts";
import { MemoryGuard } from "./memory-guard.ts";
import type { RequestLogOptions } from "./request-log.ts";
import { DEFAULT_LIMITS, type ServerContext } from "./server-context.ts";
import type { TokenizerInfo } from "./tokenizer-info.ts";

export interface ContextOptions extends ApiOptions {
  /** Path of the GGUF file, shown as the model's root. */
  readonly modelRoot: string;
  /** Accepted keys; empty = no key is required. */
  readonly apiKeys: readonly string[];
  /** Paths that require a key; absent = "all". */
  readonly apiKeyScope?: ApiKeyScope;
  /** Address of the listener; absent = the embedding server checks the Host header. */
  readonly listensOn?: ListenAddress;
  /** @see hostCheck */
  readonly allowedHosts?: readonly string[];
  /** Origins allowed by CORS; null = the origins of allowed hosts, or any origin if there is a key or no host check. */
  readonly allowedOrigins: readonly string[] | null;
  readonly allowedMethods?: readonly string[];
  readonly allowedHeaders?: readonly string[];
  readonly allowCredentials?: boolean;
  /** Path prefix, such as "/llm", that a proxy may or may not strip; absent = none. */
  readonly rootPath?: string;
  /** Memory for stored responses, in bytes; 0 = store none, absent = 256 MiB. */
  readonly responseStoreBytes?: number;
  /** Time for which a response is stored; absent = one day. */
  readonly responseStoreTtlMs?: number;
  /** Fraction of memory in use, below 1, at which new work is refused; null = no check. */
  readonly maxMemoryUse: number | null;
  readonly isDevMode: boolean;
  /** Whether adapters can be loaded and unloaded without an API key. Absent = false. */
  readonly allowsLoraUpdates?: boolean;
  /** Whether every response includes an X-Request-Id header; absent = false. */
  readonly sendsRequestIds?: boolean;
  /** Contents of /tokenizer_info; absent = the route does not exist. */
  readonly tokenizerInfo?: TokenizerInfo;
  /** Whether to count requests in progress for /load; absent = false. */
  readonly tracksLoad?: boolean;
  /** Whether /openapi.json and /docs exist; absent = true. */
  readonly servesDocs?: boolean;
  readonly features: ReadonlySet<MetricFeature>;
  /** Options of the request log; null = requests are not logged. */
  readonly requestLog: Omit<RequestLogOptions, "nowMs"> | null;
  /** Receives unexpected errors, for the operator. */
  readonly log: (line: string) => void;
}

/** @returns a context that is not draining */
export function serverContext(
  { front, metrics }: MeasuredFront,
  options: ContextOptions,
): ServerContext {
  const hosts = hostCheckOf(options);
  return {
    ...apiContext(front, options),
    modelRoot: options.modelRoot,
    apiKeys: options.apiKeys,
    apiKeyScope: options.apiKeyScope ?? "all",
    hosts,
    cors: corsOf(options, hosts),
    rootPath: options.rootPath ?? "",
    responseStore: responseStore(front, options),
    memory: memoryGuard(options),
    version: CLAIMED_VERSION,
    limits: DEFAULT_LIMITS,
    metricsText: (format) => metrics.text(format),
    logFault: (error) => options.log(faultText(error)),
    tracksLoad: options.tracksLoad ?? false,
    tokenizerInfo: options.tokenizerInfo ?? null,
    sendsRequestIds: options.sendsRequestIds ?? false,
    servesDocs: options.servesDocs ?? true,
    requestLog: requestLogOf(front, options),
    recordHttp: (record) => metrics.recordHttp(record),
    isDevMode: options.isDevMode,
    isSleepEnabled: options.features.has("sleep-mode"),
    allowsLoraUpdates: options.allowsLoraUpdates ?? false,
    createdS: Date.now() / 1000,
    keepAliveMs: 10_000,
    isDraining: () => false,
  };
}

/**
 * Formats an error for the log. Bun would print an Error with the surrounding source lines, and in a compiled
 * executable these lines contain the whole program.
 */
function faultText(error: unknown): string {
  return error instanceof Error ? stackOf(error) : String(error);
}

function requestLogOf(front: Front, options: ContextOptions): RequestLogOptions | null {
  const { requestLog } = options;
  return requestLog && { ...requestLog, nowMs: front.nowMs };
}

function hostCheckOf({ listensOn, allowedHosts = [] }: ContextOptions): HostCheck | null {
  return listensOn === undefined ? null : hostCheck(listensOn, allowedHosts);
}

function corsOf(options: ContextOptions, hosts: HostCheck | null): Cors {
  const { apiKeys, allowedOrigins, allowCredentials = false } = options;
  const anyOrigin = ANY_ORIGIN.origins;
  const defaultOrigins = hosts !== null && apiKeys.length === 0 ? hosts : anyOrigin;
  const {
    allowedMethods: methods = ANY_ORIGIN.methods,
    allowedHeaders: headers = ANY_ORIGIN.headers,
  } = options;
  const origins = allowedOrigins ?? defaultOrigins;
  return new Cors({ origins, methods, headers, allowCredentials });
}

function responseStore(front: Front, options: ContextOptions): ResponseStore {
  const { responseStoreBytes = 256 * 1024 ** 2, responseStoreTtlMs = 24 * 3_600_000 } = options;
  const { nowMs } = front;
  return new ResponseStore({ maxBytes: responseStoreBytes, ttlMs: responseStoreTtlMs, nowMs });
}

function memoryGuard({ maxMemoryUse: limit }: ContextOptions): MemoryGuard | null {
  if (limit === null) return null;
  return new MemoryGuard({ limit, readUse: () => memoryUse(), nowMs: () => performance.now() });
}
