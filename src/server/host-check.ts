// Checks the Host header. A malicious site can point its own name at a loopback address (DNS rebinding), and browsers
// would then treat this server as having the same origin as the site's pages. A listener on loopback therefore accepts
// only loopback names, the name it listens on, and names that the operator lists.

import {
  ANY_HOST,
  canonicalHost,
  isLoopback,
  isWildcard,
  type ListenAddress,
  listedHosts,
} from "../host-name.ts";

/** @returns true if other machines can reach the listener */
export function isReachable({ address }: ListenAddress): boolean {
  const host = canonicalHost(address);
  return host === null || !isLoopback(host);
}

/**
 * Creates the check for a listener.
 * @param listed hosts that the operator allows, with or without ports
 * @returns null if any host is allowed
 * @throws ConfigError "invalid_option"
 */
export function hostCheck(listensOn: ListenAddress, listed: readonly string[]): HostCheck | null {
  const isOpen = listed.length === 0 && isReachable(listensOn);
  if (isOpen || listed.includes(ANY_HOST)) return null;
  const named = listedHosts(listed, "allowedHosts");
  const own = canonicalHost(listensOn.host);
  return new HostCheck(own === null || isWildcard(own) ? named : [...named, own]);
}

export class HostCheck {
  readonly #named: ReadonlySet<string>;

  /**
   * @param named allowed hosts, in the form that canonicalHost() returns; "*.example.com" admits all subdomains of
   * example.com
   */
  constructor(named: readonly string[]) {
    this.#named = new Set(named);
  }

  /** @param authority host and optional port, as in the URL */
  allows(authority: string): boolean {
    const host = canonicalHost(authority);
    if (host === null) return false;
    return isLoopback(host) || this.#named.has(host) || this.#isBelow(host);
  }

  /** @returns whether an entry such as "*.example.com" admits the host */
  #isBelow(host: string): boolean {
    const labels = host.split(".");
    return labels.some((_, i) => i > 0 && this.#named.has(`*.${labels.slice(i).join(".")}`));
  }
}
