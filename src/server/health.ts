// Liveness, version and metrics: what probes, routers and Prometheus ask for.

import { Elysia } from "elysia";
import { CONTENT_TYPE } from "../metrics/exposition.ts";
import { jsonResponse } from "./json-response.ts";
import type { ServerContext } from "./server-context.ts";

export function healthRoutes(context: ServerContext) {
  const health = () =>
    new Response(null, { status: context.engine.isAlive && !context.isDraining() ? 200 : 503 });
  return new Elysia({ name: "health" })
    .get("/health", health)
    .get("/ping", health)
    .post("/ping", health, { parse: "none" })
    .get("/version", () => jsonResponse({ version: context.version }))
    .get("/metrics", () => metrics(context))
    .get("/metrics/", () => metrics(context));
}

async function metrics(context: ServerContext): Promise<Response> {
  return new Response(await context.metricsText(), { headers: { "content-type": CONTENT_TYPE } });
}
