// Measures responses for the http_* metric families as vLLM's instrumentation does: by route, up to the last byte, and
// excluding probes and scrapes.

import type { HttpRecord } from "../metrics/family.ts";
import { answerEnd } from "./answer-end.ts";

type Fetch = (request: Request) => Response | Promise<Response>;

export interface HttpRecorderOptions {
  /** Monotonic clock, in ms. */
  readonly nowMs: () => number;
  readonly record: (record: HttpRecord) => void;
  /** @returns the path used for routing; "" if the URL has none */
  readonly pathOf: (request: Request) => string;
  /** @returns the registered route; null for an unknown path */
  readonly routeOf: (path: string) => string | null;
}

/** A path that contains a match is not recorded, even if it is longer, such as /metrics/x. */
const NOT_RECORDED = /\/(metrics|health|load|ping|version|server_info)/;

export function recorded(
  fetch: Fetch,
  options: HttpRecorderOptions,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const startMs = options.nowMs();
    const response = await fetch(request);
    const path = options.pathOf(request);
    if (NOT_RECORDED.test(path)) return response;
    const handler = options.routeOf(path) ?? "none";
    const { method } = request;
    const { status } = response;
    const requestBytes = contentLength(request.headers);
    const responseBytes = contentLength(response.headers);
    const record = () => {
      const durationS = (options.nowMs() - startMs) / 1000;
      options.record({ handler, method, status, durationS, requestBytes, responseBytes });
    };
    const end = answerEnd(request);
    if (end === null) record();
    else void end.then(record);
    return response;
  };
}

function contentLength(headers: Headers): number {
  const length = Number(headers.get("content-length") ?? 0);
  return Number.isFinite(length) && length > 0 ? length : 0;
}
