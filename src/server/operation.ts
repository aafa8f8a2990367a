// Operator routes: sleep and wake-up, pause and resume, prefix cache reset, aborts, configuration. vLLM has them only
// in development mode. If there is an API key, Pagoda always provides them under /v1 as well, protected by the key.

import { Elysia } from "elysia";
import { parseBody } from "../api/parse-body.ts";
import { quoted } from "../api/quote.ts";
import { ABORT_FIELDS } from "../api/schemas.ts";
import { RequestError } from "../errors.ts";
import {
  SLEEP_MODES,
  type SleepLevel,
  type SleepMode,
  WAKE_TAGS,
  type WakeTag,
} from "../protocol/engine-calls.ts";
import { jsonResponse } from "./json-response.ts";
import { queryFlag } from "./query-flag.ts";
import { readJson } from "./read-body.ts";
import type { RouteEntry } from "./route-table.ts";
import { checkAccepting, type ServerContext } from "./server-context.ts";
import { serverInfo } from "./server-info.ts";

type Handler = (
  context: ServerContext,
  query: URLSearchParams,
  request: Request,
) => Response | Promise<Response>;

interface Operation {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly handle: Handler;
}

const OPERATIONS: readonly Operation[] = [
  { method: "POST", path: "/sleep", handle: sleep },
  { method: "POST", path: "/wake_up", handle: wakeUp },
  { method: "GET", path: "/is_sleeping", handle: isSleeping },
  { method: "POST", path: "/reset_prefix_cache", handle: resetPrefixCache },
  { method: "POST", path: "/pause", handle: pause },
  { method: "POST", path: "/resume", handle: resume },
  { method: "GET", path: "/is_paused", handle: isPaused },
  { method: "POST", path: "/abort_requests", handle: abortRequests },
  { method: "GET", path: "/server_info", handle: serverInfo },
];

/** @returns the operator routes of this context */
export function operationMethods(context: ServerContext): RouteEntry[] {
  return prefixes(context).flatMap((prefix) =>
    OPERATIONS.map(({ path, method }): RouteEntry => [prefix + path, method]),
  );
}

export function operationRoutes(context: ServerContext) {
  const app = new Elysia({ name: "operation" });
  for (const prefix of prefixes(context)) {
    for (const { method, path, handle } of OPERATIONS) {
      app.route(method, prefix + path, ({ request }) => run(context, request, handle), {
        parse: "none",
      });
    }
  }
  return app;
}

function prefixes({ isDevMode, apiKeys }: ServerContext): string[] {
  return [...(isDevMode ? [""] : []), ...(apiKeys.length > 0 ? ["/v1"] : [])];
}

async function run(context: ServerContext, request: Request, handle: Handler): Promise<Response> {
  checkAccepting(context);
  return handle(context, new URL(request.url).searchParams, request);
}

async function sleep(context: ServerContext, query: URLSearchParams): Promise<Response> {
  checkSleepEnabled(context);
  await context.front.calls.sleep(sleepLevel(query), sleepMode(query));
  return new Response(null, { status: 200 });
}

async function wakeUp(context: ServerContext, query: URLSearchParams): Promise<Response> {
  checkSleepEnabled(context);
  await context.front.calls.wakeUp(wakeTags(query));
  return new Response(null, { status: 200 });
}

async function isSleeping(context: ServerContext): Promise<Response> {
  checkSleepEnabled(context);
  return jsonResponse({ is_sleeping: await context.front.calls.isSleeping() });
}

/** As in vLLM, always returns 200, although a cache in use is reset only if running requests are preempted. */
async function resetPrefixCache(context: ServerContext, query: URLSearchParams): Promise<Response> {
  const preemptRunning = queryFlag(query, "reset_running_requests");
  queryFlag(query, "reset_external");
  await context.front.calls.resetPrefixCache(preemptRunning);
  return new Response(null, { status: 200 });
}

/** Aborts the requests in progress or, if asked to, finishes them; later requests wait until the server is resumed. */
async function pause({ front }: ServerContext, query: URLSearchParams): Promise<Response> {
  const waits = queryFlag(query, "wait_for_inflight_requests");
  const clearsCache = queryFlag(query, "clear_cache", true);
  await front.calls.sleep(0, waits ? "wait" : "abort");
  if (clearsCache) await front.calls.resetPrefixCache(false);
  return jsonResponse({ status: "paused" });
}

/** Resumes the server. If it is asleep, it wakes up. */
async function resume({ front }: ServerContext): Promise<Response> {
  await front.calls.wakeUp(WAKE_TAGS);
  return jsonResponse({ status: "resumed" });
}

async function isPaused({ front }: ServerContext): Promise<Response> {
  return jsonResponse({ is_paused: await front.calls.isSleeping() });
}

/** Aborts requests by their response IDs. As in vLLM, the ID of a request that has already ended is not an error. */
async function abortRequests(
  context: ServerContext,
  _query: URLSearchParams,
  request: Request,
): Promise<Response> {
  const { request_ids: ids } = parseBody(ABORT_FIELDS, await readJson(context, request));
  for (const id of ids ?? []) context.front.cancel(id);
  return new Response(null, { status: 200 });
}

function checkSleepEnabled({ isSleepEnabled }: ServerContext): void {
  if (isSleepEnabled) return;
  const message = "Sleep mode is not enabled. Start the server with --enable-sleep-mode.";
  throw new RequestError("unsupported", message);
}

function sleepLevel(query: URLSearchParams): SleepLevel {
  const text = query.get("level") ?? "1";
  const level = ([0, 1, 2] as const).find((known) => String(known) === text);
  if (level !== undefined) return level;
  const message = `level must be 0, 1 or 2, got ${quoted(text)}.`;
  throw new RequestError("invalid_value", message, "level");
}

function sleepMode(query: URLSearchParams): SleepMode {
  const text = query.get("mode") ?? "abort";
  const mode = SLEEP_MODES.find((known) => known === text);
  if (mode !== undefined) return mode;
  const message = `mode must be one of ${SLEEP_MODES.join(", ")}, got ${quoted(text)}.`;
  throw new RequestError("invalid_value", message, "mode");
}

/** Reads `tags`, which may be repeated or separated by commas; if there are none, returns all tags. */
function wakeTags(query: URLSearchParams): readonly WakeTag[] {
  const texts = query.getAll("tags").flatMap((text) => text.split(","));
  if (texts.length === 0) return WAKE_TAGS;
  return texts.map((text) => {
    const tag = WAKE_TAGS.find((known) => known === text);
    if (tag !== undefined) return tag;
    const message = `tags must be one or more of ${WAKE_TAGS.join(", ")}, got ${quoted(text)}.`;
    throw new RequestError("invalid_value", message, "tags");
  });
}
