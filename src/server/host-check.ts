// Which Host a request may name. A page of some other site can point its own name at a loopback address
// (DNS rebinding) and then read this server as if it were its own. So a listener on loopback answers only to
// loopback's names, to the name it listens on, and to those that the operator listed.

import {
  ANY_HOST,
  canonicalHost,
  isLoopback,
  isWildcard,
  type ListenAddress,
  listedHosts,
} from "../host-name.ts";

/** Whether other machines can reach the listener. */
export function isReachable({ address }: ListenAddress): boolean {
  const host = canonicalHost(address);
  return host === null || !isLoopback(host);
}

/**
 * The hosts that a listener answers to.
 * @param listed the operator's hosts, with or without ports
 * @returns null = any
 * @throws ConfigError "invalid_option"
 */
export function hostCheck(listensOn: ListenAddress, listed: readonly string[]): HostCheck | null {
  const isOpen = listed.length === 0 && isReachable(listensOn);
  if (isOpen || listed.includes(ANY_HOST)) return null;
  const named = listedHosts(listed);
  const own = canonicalHost(listensOn.host);
  return new HostCheck(own === null || isWildcard(own) ? named : [...named, own]);
}

export class HostCheck {
  readonly #named: ReadonlySet<string>;

  /** @param named as canonicalHost() gives them */
  constructor(named: readonly string[]) {
    this.#named = new Set(named);
  }

  /** @param authority host and perhaps port, as the URL has them */
  allows(authority: string): boolean {
    const host = canonicalHost(authority);
    return host !== null && (isLoopback(host) || this.#named.has(host));
  }
}
