// Reports load in a response header if a load balancer asks for it (ORCA). The format and names are those of vLLM's
// endpoint-load-metrics header.

import { formatNumber } from "../metrics/number-format.ts";
import type { ServerContext } from "./server-context.ts";

/** @returns an empty object unless the request asks for TEXT or JSON */
export function loadHeaders(context: ServerContext, request: Request): Record<string, string> {
  const format = request.headers
    .get("endpoint-load-metrics-format")
    ?.split(",")[0]
    ?.trim()
    .toUpperCase();
  const { kvCacheUsage, numWaitingReqs } = context.front.load;
  const usage = formatNumber(kvCacheUsage);
  const waiting = formatNumber(numWaitingReqs);
  const text = `named_metrics.kv_cache_usage_perc=${usage}, named_metrics.num_requests_waiting=${waiting}`;
  const json = `{"named_metrics": {"kv_cache_usage_perc": ${usage}, "num_requests_waiting": ${waiting}}}`;
  if (format === "TEXT") return { "endpoint-load-metrics": `TEXT ${text}` };
  if (format === "JSON") return { "endpoint-load-metrics": `JSON ${json}` };
  return {};
}
