// Adds X-Request-Id to every response, with the request's own ID or a random one. As in vLLM, requires
// --enable-request-id-headers.

type Fetch = (request: Request) => Promise<Response>;

export function withRequestId(fetch: Fetch): Fetch {
  return async (request) => {
    const response = await fetch(request);
    const id = request.headers.get("x-request-id") || crypto.randomUUID().replaceAll("-", "");
    response.headers.set("x-request-id", id);
    return response;
  };
}
