// The URL that the app routes by: plain HTTP's, with a host, without the prefix of a proxy. Whoever mounts the
// app may listen with TLS, and a proxy may leave its prefix on or take it off.

const PLAIN = "http://";
const TLS = "https://";

/** What HTTP/1.0 names that needs no Host. */
const NO_HOST = "localhost";

const seen = new WeakMap<Request, string>();

/** The URL that the client has asked for, of a request that is routed by another. */
export function seenUrl(request: Request): string {
  return seen.get(request) ?? request.url;
}

/**
 * @param rootPath "" or "/like/this"
 * @returns `request` itself where its URL is as it should be
 */
export function routedRequest(request: Request, rootPath: string): Request {
  const url = withoutPrefix(plainUrl(request), rootPath);
  if (url === request.url) return request;
  const routed = new Request(url, request);
  if (URL.canParse(request.url)) seen.set(routed, request.url);
  return routed;
}

function plainUrl({ url, headers }: Request): string {
  if (url.startsWith(TLS)) return PLAIN + url.slice(TLS.length);
  // So the server of Bun gives it where there was no Host, or one that is none.
  return url.startsWith("/") && !headers.has("host") ? PLAIN + NO_HOST + url : url;
}

/** As FastAPI's root_path: only whole parts of a path count. */
function withoutPrefix(url: string, rootPath: string): string {
  if (rootPath === "") return url;
  const start = url.indexOf("/", PLAIN.length);
  const end = start + rootPath.length;
  const isBehind = url.startsWith(rootPath, start) && ["/", "?", undefined].includes(url[end]);
  if (!isBehind) return url;
  return url.slice(0, start) + (url[end] === "/" ? "" : "/") + url.slice(end);
}
