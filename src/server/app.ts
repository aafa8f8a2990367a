// The Elysia app. It does not listen, so that tests call app.handle and embedders mount app.fetch.

import { Elysia } from "elysia";
import { ApiKeys } from "./auth.ts";
import { chatRoutes } from "./chat.ts";
import { completionRoutes } from "./completions.ts";
import { errorResponse } from "./error-response.ts";
import { healthRoutes } from "./health.ts";
import { modelRoutes } from "./models.ts";
import type { ServerContext } from "./server-context.ts";
import { tokenizeRoutes } from "./tokenize.ts";

/** Methods by path, for 405 and its Allow header. */
const METHODS: Readonly<Record<string, string>> = {
  "/v1/chat/completions": "POST",
  "/v1/completions": "POST",
  "/tokenize": "POST",
  "/detokenize": "POST",
  "/v1/models": "GET",
  "/health": "GET",
  "/ping": "GET, POST",
  "/version": "GET",
  "/metrics": "GET",
};

export type App = ReturnType<typeof createApp>;

export function createApp(context: ServerContext) {
  const keys = new ApiKeys(context.apiKeys);
  return new Elysia({ name: "pagoda", strictPath: true })
    .onError(({ code, error, request }) =>
      code === "NOT_FOUND" ? notFound(request) : failed(error),
    )
    .onRequest(({ request, set }) => {
      set.headers["access-control-allow-origin"] = "*";
      const path = new URL(request.url).pathname;
      if (request.method === "OPTIONS") return preflight(request);
      if (keys.allows(request, path)) return undefined;
      return withCors(Response.json({ error: "Unauthorized" }, { status: 401 }));
    })
    .use(healthRoutes(context))
    .use(modelRoutes(context))
    .use(chatRoutes(context))
    .use(completionRoutes(context))
    .use(tokenizeRoutes(context));
}

function notFound(request: Request): Response {
  const path = new URL(request.url).pathname;
  const allow = METHODS[path];
  if (allow === undefined || allow.split(", ").includes(request.method)) {
    return Response.json({ detail: "Not Found" }, { status: 404 });
  }
  return Response.json({ detail: "Method Not Allowed" }, { status: 405, headers: { allow } });
}

function failed(error: unknown): Response {
  const response = errorResponse(error);
  if (response.status === 500) console.error(error);
  return response;
}

function preflight(request: Request): Response {
  const asked = request.headers.get("access-control-request-headers") ?? "*";
  const headers = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": asked,
    "access-control-max-age": "600",
  };
  return withCors(new Response(null, { status: 200, headers }));
}

function withCors(response: Response): Response {
  response.headers.set("access-control-allow-origin", "*");
  return response;
}
