// Adds an X-Request-Id header to every response, with the ID that the request sent or a random one. As in vLLM, this
// requires --enable-request-id-headers.

type Fetch = (request: Request) => Promise<Response>;

export function withRequestId(fetch: Fetch): Fetch {
  return async (request) => {
    const response = await fetch(request);
    const id = request.headers.get("x-request-id") || crypto.randomUUID().replaceAll("-", "");
    response.headers.set("x-request-id", id);
    return response;
  };
}
