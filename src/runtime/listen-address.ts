// Finds the address to bind a server to and builds its URL.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ConfigError } from "../errors.ts";
import {
  ANY_HOST,
  canonicalHost,
  isIpAddress,
  isWildcard,
  type ListenAddress,
} from "../host-name.ts";

/**
 * @param host a name or an address, in any form
 * @throws ConfigError "cannot_listen" when the name has no address; "invalid_option" when it
 *   contains a port or is "*"
 */
export async function listenAddress(host: string): Promise<ListenAddress> {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  // The canonical form drops the zone, so keep it here.
  if (isIP(plain) !== 0) return { host, address: plain };
  if (host === ANY_HOST) {
    const message = `cannot listen on ${host}: all addresses are 0.0.0.0, or :: with IPv6`;
    throw new ConfigError("invalid_option", message);
  }
  const canonical = canonicalHost(host);
  if (canonical !== null && /:\d+$/.test(host)) {
    const message = `cannot listen on ${host}: the host must not include a port; set it with --port`;
    throw new ConfigError("invalid_option", message);
  }
  if (canonical !== null && isIpAddress(canonical)) {
    return { host, address: canonical.replace(/^\[(.*)\]$/, "$1") };
  }
  const found = canonical === null ? [] : await lookup(canonical, { all: true }).catch(() => []);
  // Any address works, since clients try all addresses of the name; IPv4 exists everywhere.
  const [first] = found.sort((a, b) => a.family - b.family);
  if (first !== undefined) return { host, address: first.address };
  throw new ConfigError("cannot_listen", `cannot listen on ${host}: the name has no address`);
}

/** Loopback addresses by wildcard address, for clients on the same machine as the server. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "[::]": "[::1]" };

/** Builds a URL without a trailing slash. @param host host that the server listens on, in any form */
export function urlOf(host: string, port: number, scheme = "http"): string {
  const canonical = canonicalHost(host) ?? host;
  const reached = isWildcard(canonical) ? LOOPBACK[canonical] : canonical;
  return `${scheme}://${reached}:${port}`;
}
