// Canonical form of hosts, for comparing names, addresses and Host headers. It is the form used in URLs (WHATWG):
// lowercase, with the shortest form of addresses, and IPv6 in brackets.

import { ConfigError } from "./errors.ts";

/** Address that a listener is bound to. */
export interface ListenAddress {
  /** Name or address set by the operator. */
  readonly host: string;
  /** Numeric, without brackets. */
  readonly address: string;
}

/** A host with an optional port, or an IPv6 address without brackets. */
const HOST_AND_PORT = /^(\[[^\]/?#@\\]*\]|[^:/?#@\\[\]]+)(:\d*)?$/;

/** An IPv4 address mapped to IPv6, as written in URLs: ::ffff:7f00:1. */
const MAPPED = /^\[::ffff:([\da-f]{1,4}):([\da-f]{1,4})\]$/;

/**
 * @param text a host with or without a port; a zone and a trailing dot are dropped
 * @returns e.g. "localhost", "127.0.0.1", "[::1]"; null if the text is not a host
 */
export function canonicalHost(text: string): string | null {
  const isBareIpv6 = !text.startsWith("[") && text.indexOf(":") !== text.lastIndexOf(":");
  const [, host] = HOST_AND_PORT.exec(isBareIpv6 ? `[${text}]` : text) ?? [];
  if (host === undefined) return null;
  const named = host.startsWith("[") ? host.replace(/%[^\]]*/, "") : host.replace(/\.$/, "");
  const { hostname = "" } = URL.parse(`http://${named}/`) ?? {};
  return hostname === "" ? null : unmapped(hostname);
}

function unmapped(hostname: string): string {
  const [, high, low] = MAPPED.exec(hostname) ?? [];
  if (high === undefined || low === undefined) return hostname;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/** Entry in a list of hosts that matches any host. */
export const ANY_HOST = "*";

/**
 * @param listed hosts that the operator listed, in any form
 * @param option the option's name, for messages
 * @returns the hosts in the form of canonicalHost()
 * @throws ConfigError "invalid_option"
 */
export function listedHosts(listed: readonly string[], option: string): string[] {
  return listed.map((text) => {
    const host = text === ANY_HOST ? ANY_HOST : canonicalHost(text);
    if (host !== null) return host;
    throw new ConfigError("invalid_option", `${option}: ${JSON.stringify(text)} is not a host`);
  });
}

/** @param host in the form of canonicalHost() */
export function isIpAddress(host: string): boolean {
  return host.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/**
 * Recognizes this machine's loopback names (RFC 6761, 6.3) and addresses.
 * @param host in the form of canonicalHost()
 */
export function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);
}

/** @param host in the form of canonicalHost() */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "[::]";
}
