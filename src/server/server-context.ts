// What the routes need of the rest of the program, handed in so that tests can replace it.

import { answerId, isUsableId } from "../api/answer-id.ts";
import { type ApiContext, type ApiLimits, DEFAULT_API_LIMITS } from "../api/api-context.ts";
import { shuttingDown } from "../errors.ts";
import type { HttpRecord } from "../metrics/family.ts";
import type { ApiKeyScope } from "./auth.ts";
import type { Cors } from "./cors.ts";
import type { HostCheck } from "./host-check.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { RequestLogOptions } from "./request-log.ts";

export interface ServerContext extends ApiContext {
  /** The `root` of the model's card. */
  readonly modelRoot: string;
  /** Empty = no key is needed. */
  readonly apiKeys: readonly string[];
  readonly apiKeyScope: ApiKeyScope;
  /** Null = any Host is answered. */
  readonly hosts: HostCheck | null;
  readonly cors: Cors;
  /** Prefix that a proxy may leave before each path; "" = none. */
  readonly rootPath: string;
  /** Null = memory is not looked at. */
  readonly memory: MemoryGuard | null;
  readonly version: string;
  readonly limits: ServerLimits;
  readonly metricsText: (format: "prometheus" | "openmetrics") => Promise<string>;
  /** Told of errors that the client is not told: no code foresees them. */
  readonly logFault: (error: unknown) => void;
  /** Null = requests are not logged. */
  readonly requestLog: RequestLogOptions | null;
  /** Told of each answered request. */
  readonly recordHttp: (record: HttpRecord) => void;
  /** vLLM's switch: the operator's routes are there without /v1 before them. */
  readonly isDevMode: boolean;
  readonly isSleepEnabled: boolean;
  /** Unix seconds at which the server started. */
  readonly createdS: number;
  /** Silence after which a stream gets a comment, ms. */
  readonly keepAliveMs: number;
  /** True from the stop signal on: /health answers 503, work in progress goes on. */
  readonly isDraining: () => boolean;
}

export interface ServerLimits extends ApiLimits {
  readonly maxBodyBytes: number;
  /** Longest time that a body may take to arrive. */
  readonly bodyTimeoutMs: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  ...DEFAULT_API_LIMITS,
  maxBodyBytes: 8 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
};

/**
 * New work is taken on: called before its body is read.
 * @throws EngineError and OverloadError
 */
export function checkRoom(context: ServerContext): void {
  const { front, memory } = context;
  checkAccepting(context);
  memory?.check(front.retryAfterS);
  front.reserve(1).release();
}

/**
 * Called before anything is asked of the engine.
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
 * Uses the first valid id: the x-request-id header, one of its parts if it came twice ("id1, id2"), or
 * `requestId`. Otherwise makes one: a client's id is only advice, so no request is refused for it.
 */
export function responseId(prefix: string, request: Request, requestId: string | null): string {
  const header = request.headers.get("x-request-id") ?? "";
  const given = [header, ...header.split(","), requestId ?? ""].map((id) => id.trim());
  return answerId(prefix, given.find(isUsableId) ?? null);
}
