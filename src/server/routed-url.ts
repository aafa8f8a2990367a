// Normalizes URLs for routing: plain HTTP, with a host, without a proxy's prefix. The server that mounts the app may
// use TLS, and a proxy may or may not strip its prefix.

const PLAIN = "http://";
const TLS = "https://";

/** Host assumed for an HTTP/1.0 request without a Host header. */
const NO_HOST = "localhost";

const seen = new WeakMap<Request, string>();

/** The request's URL as it was before routedRequest() changed it. */
export function seenUrl(request: Request): string {
  return seen.get(request) ?? request.url;
}

/**
 * @param rootPath "" or a path such as "/llm"
 * @returns `request` itself if its URL needs no change
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
  // Bun's server omits the host from the URL if the Host header is missing or invalid.
  return url.startsWith("/") && !headers.has("host") ? PLAIN + NO_HOST + url : url;
}

/** Removes the prefix as FastAPI's root_path does: only whole path segments match. */
function withoutPrefix(url: string, rootPath: string): string {
  if (rootPath === "") return url;
  const start = url.indexOf("/", PLAIN.length);
  const end = start + rootPath.length;
  const hasPrefix = url.startsWith(rootPath, start) && ["/", "?", undefined].includes(url[end]);
  if (!hasPrefix) return url;
  return url.slice(0, start) + (url[end] === "/" ? "" : "/") + url.slice(end);
}

/** @param index 0 = the first segment of the path @returns the decoded segment */
export function pathSegment(url: string, index: number): string {
  return decodedPath(new URL(url).pathname.split("/")[index + 1] ?? "");
}

/**
 * @returns the decoded path without its query, or the raw path if its percent-encoding is invalid (Elysia's own
 * parameter would be null in that case)
 */
export function decodedPath(path: string): string {
  const [raw = ""] = path.split("?");
  try {
    return decodeURIComponent(raw);
  } catch {
    return raw;
  }
}
