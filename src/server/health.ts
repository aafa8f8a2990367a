// Liveness, version and metrics, for probes, routers and Prometheus.

import { Elysia } from "elysia";
import { CONTENT_TYPE } from "../metrics/exposition.ts";
import { jsonResponse } from "./json-response.ts";
import { acceptedFormat, type MetricsFormat } from "./metrics-format.ts";
import { checkRoom, type ServerContext } from "./server-context.ts";

/** Format of /metrics itself. As in vLLM, only paths below /metrics honor the Accept header. */
const PLAIN: MetricsFormat = { format: "prometheus", contentType: CONTENT_TYPE };

export function healthRoutes(context: ServerContext) {
  const health = () =>
    new Response(null, {
      status: context.front.unavailable === null && !context.isDraining() ? 200 : 503,
    });
  return new Elysia({ name: "health" })
    .get("/health", health)
    .get("/health/ready", () => ready(context))
    .get("/ping", health)
    .post("/ping", health, { parse: "none" })
    .get("/version", () => jsonResponse({ version: context.version }))
    .get("/metrics", () => metrics(context, PLAIN))
    .get("/metrics/*", ({ request }) => {
      return metrics(context, acceptedFormat(request.headers.get("accept") ?? ""));
    });
}

/**
 * Unlike /health, also returns 503 when a request would be refused for lack of capacity or would wait for a wake-up.
 */
async function ready(context: ServerContext): Promise<Response> {
  try {
    checkRoom(context);
    return new Response(null, { status: (await context.front.calls.isSleeping()) ? 503 : 200 });
  } catch {
    return new Response(null, { status: 503 });
  }
}

async function metrics(context: ServerContext, { format, contentType }: MetricsFormat) {
  const headers = { "content-type": contentType };
  return new Response(await context.metricsText(format), { headers });
}
