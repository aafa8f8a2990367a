// What the routes need of the rest of the program, handed in so that tests can replace it.

import { shortened } from "../api/quote.ts";
import { RequestError, shuttingDown } from "../errors.ts";
import type { Front } from "../front/front.ts";
import type { HttpRecord } from "../metrics/family.ts";
import type { SamplingDefaults } from "../request/sampling-params.ts";
import type { ApiKeyScope } from "./auth.ts";
import type { Cors } from "./cors.ts";
import type { HostCheck } from "./host-check.ts";
import type { MemoryGuard } from "./memory-guard.ts";
import type { RequestLogOptions } from "./request-log.ts";

export interface ServerContext {
  readonly front: Front;
  /** The first is reported in answers; all are accepted. */
  readonly servedModelNames: readonly string[];
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
  /** Whether a chat may bring its own template. */
  readonly trustsRequestTemplates: boolean;
  readonly maxLogprobs: number;
  readonly samplingDefaults: SamplingDefaults;
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

export interface ServerLimits {
  readonly maxBodyBytes: number;
  /** Longest time that a body may take to arrive. */
  readonly bodyTimeoutMs: number;
  readonly maxN: number;
  readonly maxPrompts: number;
  readonly maxStops: number;
  readonly maxStopTokenIds: number;
  readonly maxLogitBias: number;
}

export const DEFAULT_LIMITS: ServerLimits = {
  maxBodyBytes: 8 * 1024 * 1024,
  bodyTimeoutMs: 60_000,
  maxN: 128,
  maxPrompts: 1024,
  maxStops: 64,
  maxStopTokenIds: 1024,
  maxLogitBias: 1024,
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

/** The name that answers carry. */
export function modelName(context: ServerContext): string {
  return context.servedModelNames[0] ?? "";
}

/** An absent or empty name means the served model. @throws RequestError "model_not_found" */
export function checkModel(context: ServerContext, model: string | null): void {
  if (model === null || model === "" || context.servedModelNames.includes(model)) return;
  const message = `The model \`${shortened(model, 256)}\` does not exist.`;
  throw new RequestError("model_not_found", message);
}

/** Unix seconds, for `created`. */
export function unixSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Ids are repeated in every chunk, so they must be short. */
const USABLE_ID = /^[!-~]{1,128}$/;

/**
 * Uses the first valid id: the x-request-id header, one of its parts if it came twice ("id1, id2"), or
 * `requestId`. Otherwise makes one: a client's id is only advice, so no request is refused for it.
 */
export function responseId(prefix: string, request: Request, requestId: string | null): string {
  const header = request.headers.get("x-request-id") ?? "";
  const given = [header, ...header.split(","), requestId ?? ""].map((id) => id.trim());
  return answerId(prefix, given.find((id) => USABLE_ID.test(id)) ?? null);
}

/**
 * @returns `prefix` and the given id, or a random one of 16 hex digits
 * @throws RequestError "invalid_value" for an invalid id
 */
export function answerId(prefix: string, given: string | null): string {
  if (given !== null && !USABLE_ID.test(given)) {
    const message = "request_id must be 1 to 128 visible ASCII characters.";
    throw new RequestError("invalid_value", message, "request_id");
  }
  return `${prefix}-${given ?? crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
}
