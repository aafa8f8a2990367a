// Keeps requests to this machine from going through proxies. Bun's fetch uses http_proxy even for loopback addresses;
// Go's client, and therefore Ollama's, does not (net/http: ProxyFromEnvironment).

const LOOPBACK = ["localhost", "127.0.0.1", "::1", "[::1]"];

/** @param env environment of this process; fetch reads it at each request and prefers the lowercase name */
export function reachLoopbackDirectly(env: Record<string, string | undefined>): void {
  const others = env["no_proxy"] || env["NO_PROXY"];
  if (others === "*") return;
  env["no_proxy"] = [...(others === undefined ? [] : [others]), ...LOOPBACK].join(",");
}
