// What goes through no proxy: this machine. Bun's fetch asks the proxy of http_proxy for loopback addresses
// too, which Go's, and so Ollama's, does not (net/http: ProxyFromEnvironment).

const LOOPBACK = ["localhost", "127.0.0.1", "::1", "[::1]"];

/** @param env of this process, which fetch reads at each request; the lower-case name counts */
export function reachLoopbackDirectly(env: Record<string, string | undefined>): void {
  const others = env["no_proxy"] || env["NO_PROXY"];
  if (others === "*") return;
  env["no_proxy"] = [...(others === undefined ? [] : [others]), ...LOOPBACK].join(",");
}
