// JSON answers with vLLM's exact media type; Response.json would add a charset.

export interface JsonResponseOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function jsonResponse(body: unknown, options: JsonResponseOptions = {}): Response {
  const headers = { "content-type": "application/json", ...options.headers };
  return new Response(JSON.stringify(body), { status: options.status ?? 200, headers });
}
