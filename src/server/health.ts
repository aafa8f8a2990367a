// Liveness, version and metrics: what probes, routers and Prometheus ask for.

import { Elysia } from "elysia";
import { CONTENT_TYPE, OPEN_METRICS_CONTENT_TYPE } from "../metrics/exposition.ts";
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
    .get("/metrics", () => metrics(context, "prometheus"))
    .get("/metrics/", ({ request }) => metrics(context, acceptedFormat(request)));
}

async function metrics(context: ServerContext, format: "prometheus" | "openmetrics") {
  const type = format === "openmetrics" ? OPEN_METRICS_CONTENT_TYPE : CONTENT_TYPE;
  return new Response(await context.metricsText(format), { headers: { "content-type": type } });
}

/** As in vLLM, /metrics is always plain text; only the path with a slash looks at what is accepted. */
function acceptedFormat(request: Request) {
  const accepted = (request.headers.get("accept") ?? "").split(",");
  const types = accepted.map((entry) => entry.split(";")[0]?.trim());
  return types.includes("application/openmetrics-text") ? "openmetrics" : "prometheus";
}
