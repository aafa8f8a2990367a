// The Elysia app, without a listener: tests call app.handle, and embedders mount app.fetch. All checks that precede
// routing are in one place and use the same path as Elysia's router. If the checks and the router parsed a URL
// differently, a request could bypass the key check.

import { Elysia } from "elysia";
import { isFault } from "../api/error-body.ts";
import { quoted } from "../api/quote.ts";
import { RequestError } from "../errors.ts";
import { ABSENT_ACTIONS, adviceFor } from "./absent-routes.ts";
import { ApiKeys } from "./auth.ts";
import { cancelMethods, cancelRoutes } from "./cancel.ts";
import { chatRoutes } from "./chat.ts";
import { completionRoutes } from "./completions.ts";
import { docsMethods, docsRoutes } from "./docs.ts";
import { errorResponse, refusal, unauthorized } from "./error-response.ts";
import { generateRoutes } from "./generate.ts";
import { healthRoutes } from "./health.ts";
import { homeRoutes } from "./home-page.ts";
import { recorded } from "./http-recorder.ts";
import { invocationRoutes } from "./invocations.ts";
import { loraMethods, loraRoutes } from "./lora.ts";
import { messageRoutes } from "./messages.ts";
import { modelRoutes } from "./models.ts";
import { operationMethods, operationRoutes } from "./operation.ts";
import { withRequestId } from "./request-id-header.ts";
import { responseRoutes } from "./responses.ts";
import { type RouteEntry, RouteTable } from "./route-table.ts";
import { routedRequest } from "./routed-url.ts";
import type { ServerContext } from "./server-context.ts";
import { loadMethods, loadRoutes, ServerLoad } from "./server-load.ts";
import { tokenizeRoutes } from "./tokenize.ts";
import { tokenizerInfoMethods, tokenizerInfoRoutes } from "./tokenizer-info.ts";

/**
 * Methods allowed on each path, for 405 responses and their Allow header. Elysia would accept HEAD on all GET routes.
 */
const METHODS: readonly RouteEntry[] = [
  ["/v1/chat/completions", "POST"],
  ["/v1/completions", "POST"],
  ["/v1/responses", "POST"],
  ["/v1/responses/input_tokens", "POST"],
  ["/v1/responses/{id}", "GET, DELETE"],
  ["/v1/responses/{id}/cancel", "POST"],
  ["/v1/responses/{id}/input_items", "GET"],
  ["/v1/messages", "POST"],
  ["/v1/messages/count_tokens", "POST"],
  ["/invocations", "POST"],
  ["/inference/v1/generate", "POST"],
  ["/tokenize", "POST"],
  ["/detokenize", "POST"],
  ["/v1/models", "GET"],
  ["/v1/models/{id:path}", "GET"],
  // vLLM does not support HEAD, but load balancers probe with it.
  ["/health", "GET, HEAD"],
  ["/health/ready", "GET, HEAD"],
  ["/ping", "GET, POST"],
  ["/version", "GET"],
  ["/", "GET, HEAD"],
  ["/metrics", "GET"],
];

/** @returns the app with every route, and `routes`, which lists the router's routes */
export function createApp(context: ServerContext) {
  const entries = [
    ...METHODS,
    ...operationMethods(context),
    ...cancelMethods(context),
    ...loadMethods(context),
    ...loraMethods(context),
    ...tokenizerInfoMethods(context),
  ];
  const routes = new RouteTable([...entries, ...docsMethods(context)], ABSENT_ACTIONS);
  const load = new ServerLoad();
  const app = createRoutes(context, routes, load).use(docsRoutes(context, entries));
  const routeOf = ({ url }: Request) => routes.routeOf(routedPath(url) ?? "");
  const answered = recorded(
    load.counted((request) => app.handle(request), routeOf),
    {
      nowMs: context.front.nowMs,
      record: context.recordHttp,
      pathOf: ({ url }) => routedPath(url) ?? "",
      routeOf: (path) => routes.routeOf(path),
    },
  );
  const handle = context.sendsRequestIds ? withRequestId(answered) : answered;
  const fetch = (request: Request) => handle(routedRequest(request, context.rootPath));
  return { handle, fetch, routes: app.routes };
}

function createRoutes(context: ServerContext, routes: RouteTable, load: ServerLoad) {
  const guarded = operationMethods(context).map(([path]) => path);
  const keys = new ApiKeys({ keys: context.apiKeys, scope: context.apiKeyScope, guarded });
  // By default, Elysia assumes that the host has at least four characters. standardHostname: false allows shorter
  // hosts, but only in plain HTTP URLs; routedRequest() converts all URLs to that form.
  return new Elysia({ name: "pagoda", strictPath: true, handler: { standardHostname: false } })
    .onError(({ code, error, request }) =>
      code === "NOT_FOUND"
        ? notFound(routes, request, context.rootPath)
        : failed(context, error, request),
    )
    .onRequest(({ request, set }) => {
      const headers = context.cors.headersOf(request);
      Object.assign(set.headers, headers);
      if (context.memory?.keepsConnections === false) set.headers["connection"] = "close";
      const early = beforeRouting({ keys, routes, context }, request);
      for (const [name, value] of Object.entries(headers)) early?.headers.set(name, value);
      return early;
    })
    .use(homeRoutes(context))
    .use(healthRoutes(context))
    .use(modelRoutes(context))
    .use(chatRoutes(context))
    .use(completionRoutes(context))
    .use(responseRoutes(context))
    .use(messageRoutes(context))
    .use(invocationRoutes(context))
    .use(generateRoutes(context))
    .use(tokenizeRoutes(context))
    .use(operationRoutes(context))
    .use(cancelRoutes(context))
    .use(loadRoutes(context, load))
    .use(loraRoutes(context))
    .use(tokenizerInfoRoutes(context));
}

interface RoutingInputs {
  readonly keys: ApiKeys;
  readonly routes: RouteTable;
  readonly context: ServerContext;
}

/** @returns undefined if the request may be routed, otherwise a response that refuses the request */
function beforeRouting(
  { keys, routes, context }: RoutingInputs,
  request: Request,
): Response | undefined {
  const { hosts, cors } = context;
  const path = routedPath(request.url);
  if (path === null) return refusal("", { status: 400, detail: "Invalid host header" });
  const authority = authorityOf(request.url);
  if (hosts?.allows(authority) === false) {
    const detail = `The host ${quoted(authority)} is not allowed; add it to --allowed-hosts`;
    return refusal(path, { status: 403, detail });
  }
  const preflight = cors.preflight(request);
  if (preflight !== null) return preflight;
  if (!cors.mayAct(request)) {
    const origin = quoted(request.headers.get("origin") ?? "");
    const detail = `Pages from ${origin} may not call this server; add the origin to --allowed-origins`;
    return refusal(path, { status: 403, detail });
  }
  if (!keys.allows(request, path)) return unauthorized(path);
  const allow = routes.methodsOf(path);
  if (allow === null || allow.split(", ").includes(request.method)) return undefined;
  return refusal(path, { status: 405, detail: "Method Not Allowed", headers: { allow } });
}

const SCHEME = "http://";

/** The host and port as Elysia parses them: everything between the scheme and the path. */
function authorityOf(url: string): string {
  return url.slice(SCHEME.length, url.indexOf("/", SCHEME.length));
}

/**
 * The path as Elysia parses it, from the slash after the host up to the query.
 * @returns null if the Host header was invalid, because Bun then provides a URL that is invalid or has no host
 */
function routedPath(url: string): string | null {
  if (!url.startsWith(SCHEME) || !URL.canParse(url)) return null;
  const start = url.indexOf("/", SCHEME.length);
  const end = url.indexOf("?", start + 1);
  return url.slice(start, end === -1 ? undefined : end);
}

/**
 * Responds to an unknown path. If the only problem is a trailing slash, redirects as vLLM's framework does. The
 * redirect location is a bare path, since a proxy can hide the host and scheme that the client used.
 */
function notFound(routes: RouteTable, request: Request, rootPath: string): Response {
  const { pathname, search } = new URL(request.url);
  const path = pathname.replace(/\/$/, "");
  if (routes.routeOf(path) === null) {
    const advice = adviceFor(path);
    if (advice === null) return refusal(path, { status: 404, detail: "Not Found" });
    return errorResponse(new RequestError("route_not_found", advice), path);
  }
  return new Response(null, { status: 307, headers: { location: rootPath + path + search } });
}

function failed(context: ServerContext, error: unknown, request: Request): Response {
  if (isFault(error)) context.logFault(error);
  return errorResponse(error, routedPath(request.url) ?? "");
}
