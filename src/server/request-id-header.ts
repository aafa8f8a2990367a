// Adds X-Request-Id to every response: the request's own header, or a random ID. As in vLLM, it needs
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
