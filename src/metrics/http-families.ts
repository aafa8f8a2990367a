// The http_* families of vLLM's HTTP instrumentation. Each response counts once, when its last byte has been
// handed to the socket. Help texts end in a space, like the library's.

import { HTTP_COARSE_BUCKETS, HTTP_FINE_BUCKETS } from "./buckets.ts";
import { type MetricFamily, onHttp } from "./family.ts";

const HANDLER = { name: "handler", values: null };
const METHOD = { name: "method", values: null };
const STATUS = { name: "status", values: null };

const HTTP = { common: [], since: "0.3", enabledBy: "always" } as const;

export const HTTP_FAMILIES: readonly MetricFamily[] = [
  {
    ...HTTP,
    name: "http_requests_total",
    type: "counter",
    help: "Total number of requests by method, status and handler.",
    labels: [HANDLER, METHOD, STATUS],
    meaning: "Responses by route, method and status class (2xx to 5xx), counted when they end.",
    alert: 'A rising share of `status="5xx"`.',
    source: onHttp(({ handler, method, status }, sink) =>
      sink.add(1, handler, method, `${Math.floor(status / 100)}xx`),
    ),
  },
  {
    ...HTTP,
    name: "http_request_size_bytes",
    type: "summary",
    help:
      "Content length of incoming requests by handler. Only value of header is respected. " +
      "Otherwise ignored. No percentile calculated. ",
    labels: [HANDLER],
    meaning: "Content-Length of requests, 0 if absent.",
    source: onHttp(({ handler, requestBytes }, sink) => sink.observe(requestBytes, handler)),
  },
  {
    ...HTTP,
    name: "http_response_size_bytes",
    type: "summary",
    help:
      "Content length of outgoing responses by handler. Only value of header is respected. " +
      "Otherwise ignored. No percentile calculated. ",
    labels: [HANDLER],
    meaning: "Content-Length of responses, 0 for streams.",
    source: onHttp(({ handler, responseBytes }, sink) => sink.observe(responseBytes, handler)),
  },
  {
    ...HTTP,
    name: "http_request_duration_highr_seconds",
    type: "histogram",
    help:
      "Latency with many buckets but no API specific labels. " +
      "Made for more accurate percentile calculations. ",
    buckets: HTTP_FINE_BUCKETS,
    meaning:
      "Time from a request's arrival to the end of its response; for streams, to the last event.",
    source: onHttp(({ durationS }, sink) => sink.observe(durationS)),
  },
  {
    ...HTTP,
    name: "http_request_duration_seconds",
    type: "histogram",
    help:
      "Latency with only few buckets by handler. " +
      "Made to be only used if aggregation by handler is important. ",
    labels: [HANDLER, METHOD],
    buckets: HTTP_COARSE_BUCKETS,
    meaning: "The same duration by route and method.",
    source: onHttp(({ handler, method, durationS }, sink) =>
      sink.observe(durationS, handler, method),
    ),
  },
];
