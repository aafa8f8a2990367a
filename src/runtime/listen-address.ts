// Where a server is bound, and the URL under which it is reached there.

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { ConfigError } from "../errors.ts";
import { canonicalHost, isIpAddress, isWildcard, type ListenAddress } from "../host-name.ts";

/**
 * @param host a name or an address, in any form
 * @throws ConfigError "cannot_listen": nothing is known under this name; "invalid_option": there is a port in it
 */
export async function listenAddress(host: string): Promise<ListenAddress> {
  const plain = host.replace(/^\[(.*)\]$/, "$1");
  // With its zone, which the canonical form does not have.
  if (isIP(plain) !== 0) return { host, address: plain };
  const canonical = canonicalHost(host);
  if (canonical !== null && /:\d+$/.test(host)) {
    const message = `cannot listen on ${host}: a host is without a port, which is an option of its own`;
    throw new ConfigError("invalid_option", message);
  }
  if (canonical !== null && isIpAddress(canonical)) {
    return { host, address: canonical.replace(/^\[(.*)\]$/, "$1") };
  }
  const found = canonical === null ? [] : await lookup(canonical, { all: true }).catch(() => []);
  // A client that looks the name up tries all of them: any will do, and IPv4 is everywhere.
  const [first] = found.sort((a, b) => a.family - b.family);
  if (first !== undefined) return { host, address: first.address };
  throw new ConfigError("cannot_listen", `cannot listen on ${host}: no address has this name`);
}

/** Where a server that listens on all addresses is reached from its own machine. */
const LOOPBACK: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "[::]": "[::1]" };

/** Without a slash at the end. @param host that is listened on, in any form */
export function urlOf(host: string, port: number, scheme = "http"): string {
  const canonical = canonicalHost(host) ?? host;
  const reached = isWildcard(canonical) ? LOOPBACK[canonical] : canonical;
  return `${scheme}://${reached}:${port}`;
}
