// Decides which web pages may call the server and read its responses. Options and responses match those of vLLM's CORS
// middleware. If neither allowed origins nor a key is set, a server on loopback admits only pages from its allowed
// hosts; otherwise, any page open in the operator's browser could use the server.

import type { HostCheck } from "./host-check.ts";

export interface CorsOptions {
  /** Allowed origins, such as "https://a.example" or "*" for any; or a check of the origin's host. */
  readonly origins: readonly string[] | HostCheck;
  /** Allowed methods; "*" = all methods that vLLM allows. */
  readonly methods: readonly string[];
  /** Allowed headers in addition to those that a page may always send; "*" = any. */
  readonly headers: readonly string[];
  /** Whether to allow cookies and credentials stored in the browser. */
  readonly allowCredentials: boolean;
}

const ANY = "*";

export const ANY_ORIGIN: CorsOptions = {
  ...{ origins: [ANY], methods: [ANY], headers: [ANY], allowCredentials: false },
};

const ALL_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
const SAFE_METHODS = ["GET", "HEAD", "OPTIONS"];
const SAFE_HEADERS = ["Accept", "Accept-Language", "Content-Language", "Content-Type"];
const MAX_AGE_S = 600;

type Headers = Readonly<Record<string, string>>;

export class Cors {
  readonly #options: CorsOptions;
  readonly #methods: readonly string[];
  readonly #headers: readonly string[];

  constructor(options: CorsOptions) {
    const { methods, headers } = options;
    this.#options = options;
    this.#methods = methods.includes(ANY) ? ALL_METHODS : methods;
    this.#headers = [...new Set([...SAFE_HEADERS, ...headers])].sort();
  }

  /** @returns headers that let the requesting page read the response */
  headersOf({ method, headers }: Request): Headers {
    const origin = headers.get("origin");
    if (origin === null) return {};
    const { allowCredentials } = this.#options;
    const credentials = allowCredentials ? { "access-control-allow-credentials": "true" } : {};
    // Browsers reject "*" for requests with cookies, and the request after a preflight may have cookies.
    const needsName = allowCredentials && (headers.has("cookie") || method === "OPTIONS");
    if (this.#isOpen && !needsName) return { "access-control-allow-origin": ANY, ...credentials };
    if (!this.#allows(origin)) return { vary: "Origin" };
    return { "access-control-allow-origin": origin, vary: "Origin", ...credentials };
  }

  /**
   * Responds to a preflight request. The caller adds headersOf().
   * @returns null if the request is not a preflight
   */
  preflight(request: Request): Response | null {
    const origin = request.headers.get("origin");
    const method = request.headers.get("access-control-request-method");
    if (request.method !== "OPTIONS" || origin === null || method === null) return null;
    const asked = request.headers.get("access-control-request-headers");
    const faults = [
      ...(this.#allows(origin) ? [] : ["origin"]),
      ...(this.#methods.includes(method) ? [] : ["method"]),
      ...(this.#allowsHeaders(asked ?? "") ? [] : ["headers"]),
    ];
    const headers = {
      "access-control-allow-methods": this.#methods.join(", "),
      "access-control-allow-headers": this.#anyHeader ? (asked ?? ANY) : this.#headers.join(", "),
      "access-control-max-age": String(MAX_AGE_S),
      "content-type": "text/plain; charset=utf-8",
    };
    if (faults.length === 0) return new Response("OK", { status: 200, headers });
    return new Response(`Disallowed CORS ${faults.join(", ")}`, { status: 400, headers });
  }

  /**
   * @returns false for a state-changing request from a disallowed origin: browsers send some such requests without a
   * preflight and hide only the response
   */
  mayAct({ method, headers }: Request): boolean {
    const origin = headers.get("origin");
    return origin === null || SAFE_METHODS.includes(method) || this.#allows(origin);
  }

  get #anyHeader(): boolean {
    return this.#headers.includes(ANY);
  }

  get #isOpen(): boolean {
    const { origins } = this.#options;
    return isList(origins) && origins.includes(ANY);
  }

  #allows(origin: string): boolean {
    const { origins } = this.#options;
    if (isList(origins)) return this.#isOpen || origins.includes(origin);
    return URL.canParse(origin) && origins.allows(new URL(origin).host);
  }

  #allowsHeaders(asked: string): boolean {
    if (this.#anyHeader) return true;
    const known = this.#headers.map((name) => name.toLowerCase());
    const names = asked.split(",").map((name) => name.trim().toLowerCase());
    return names.every((name) => name === "" || known.includes(name));
  }
}

function isList(origins: CorsOptions["origins"]): origins is readonly string[] {
  return Array.isArray(origins);
}
