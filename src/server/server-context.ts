// The context that routes get from the rest of the program. Tests can replace it.

import { answerId, isUsableId } from "../api/answer-id.ts";
import { type ApiContext, type ApiLimits, DEFAULT_API_LIMITS } from "../api/api-context.ts";
import type { ResponseStore } from "../api/responses/response-store.ts";
import { shuttingDown } from "../errors.ts";
import type { HttpRecord } from "../metrics/family.ts";
import type { ApiKeyScope } from "./auth.ts";
import type { Cors } from "./cors.ts";
import type { HostCheck } from "./host-check.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { RequestLogOptions } from "./request-log.ts";
import type { TokenizerInfo } from "./tokenizer-info.ts";

export interface ServerContext extends ApiContext {
  /** Value of `root` in the model's card. */
  readonly modelRoot: string;
  /** Accepted keys; empty = no key is required. */
  readonly apiKeys: readonly string[];
  readonly apiKeyScope: ApiKeyScope;
  /** Check of the Host header; null = any host is accepted. */
  readonly hosts: HostCheck | null;
  readonly cors: Cors;
  /** Path prefix that a proxy may or may not strip; "" = none. */
  readonly rootPath: string;
  readonly responseStore: ResponseStore;
  /** Refuses work when memory is low; null = memory use is not checked. */
  readonly memory: MemoryGuard | null;
  readonly version: string;
  readonly limits: ServerLimits;
  readonly metricsText: (format: "prometheus" | "openmetrics") => Promise<string>;
  /** Receives unexpected errors; clients see only "Internal server error". */
  readonly logFault: (error: unknown) => void;
  /** Whether to count requests in progress for /load. */
  readonly tracksLoad: boolean;
  /** Contents of /tokenizer_info; null = the route does not exist. */
  readonly tokenizerInfo: TokenizerInfo | null;
  /** Whether every response includes an X-Request-Id header. */
  readonly sendsRequestIds: boolean;
  /** Whether /openapi.json and /docs exist. */
  readonly servesDocs: boolean;
  /** Options of the request log; null = requests are not logged. */
  readonly requestLog: RequestLogOptions | null;
  /** Called at the end of each response. */
  readonly recordHttp: (record: HttpRecord) => void;
  /** vLLM's development mode: operator routes are also available outside /v1. */
  readonly isDevMode: boolean;
  readonly isSleepEnabled: boolean;
  /** Whether adapters can be loaded and unloaded without an API key. */
  readonly allowsLoraUpdates: boolean;
  /** Start time of the server, in Unix seconds. */
  readonly createdS: number;
  /** Idle time after which a comment is sent on a stream, in ms. */
  readonly keepAliveMs: number;
  /** True after the stop signal: /health returns 503, and work in progress continues. */
  readonly isDraining: () => boolean;
}

export interface ServerLimits extends ApiLimits {
  readonly maxBodyBytes: number;
  /** Maximum time that a body may take to arrive. */
  readonly bodyTimeoutMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  ...DEFAULT_API_LIMITS,
  maxBodyBytes: 8 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
};

/**
 * Checks that the server can accept new work. Called before the body is read.
 * @throws EngineError and OverloadError
 */
export function checkRoom(context: ServerContext): void {
  const { front, memory } = context;
  checkAccepting(context);
  memory?.check(front.retryAfterS);
  front.reserve(1).release();
}

/**
 * Checks that the engine and the server accept requests. Called before any call to the engine.
 * @throws EngineError "engine_dead", "engine_restarting" or "engine_shutdown"
 */
export function checkAccepting(context: ServerContext): void {
  const { unavailable } = context.front;
  if (unavailable !== null) throw unavailable;
  if (context.isDraining()) {
    throw shuttingDown();
  }
}

/**
 * Uses the first valid ID among the x-request-id header, the header's parts if it was sent twice ("id1, id2"), and
 * `requestId`. If none of them is valid, generates an ID; a client's ID is only a hint, so an invalid one is not an
 * error.
 */
export function responseId(prefix: string, request: Request, requestId: string | null): string {
  const header = request.headers.get("x-request-id") ?? "";
  const given = [header, ...header.split(","), requestId ?? ""].map((id) => id.trim());
  return answerId(prefix, given.find(isUsableId) ?? null);
}
