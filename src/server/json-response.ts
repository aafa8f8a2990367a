// Creates JSON responses with vLLM's exact media type. Response.json() would add a charset.

import { writeJson } from "../json.ts";

export interface JsonResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function jsonResponse(body: unknown, options: JsonResponseOptions = {}): Response {
  const text = writeJson(body);
  const headers = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(text)),
    ...options.headers,
  };
  return new Response(text, { status: options.status ?? 200, headers });
}
