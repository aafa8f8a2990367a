// Which Host a request may name. A page of some other site can point its own name at a loopback address
// (DNS rebinding) and then reads this server as if it were its own: on loopback only loopback's names and
// those that the operator has listed are answered.

const LOOPBACK = /^(localhost|[^.]+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** @param host a name, or an IP address without brackets */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.includes(":") ? `[${host}]` : host);
}

/** Stands for any host. */
const ANY = "*";

/**
 * The hosts that a listener answers to.
 * @param listensOn a name, or an IP address without brackets
 * @param listed by the operator, without ports
 * @returns null = any
 */
export function hostCheck(listensOn: string, listed: readonly string[]): HostCheck | null {
  const isOpen = listed.length === 0 && !isLoopback(listensOn);
  return isOpen || listed.includes(ANY) ? null : new HostCheck(listed);
}

export class HostCheck {
  readonly #listed: ReadonlySet<string>;

  constructor(listed: readonly string[]) {
    this.#listed = new Set(listed.map((host) => host.toLowerCase()));
  }

  /** @param authority host and perhaps port, as the URL has them */
  allows(authority: string): boolean {
    const host = authority.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
    return LOOPBACK.test(host) || this.#listed.has(host);
  }
}
