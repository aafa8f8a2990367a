// Which web pages may call the server and read its answers: the options and answers of vLLM's CORS
// middleware. Without an option and without a key, a server on loopback lets only pages of the hosts that it
// answers to in: any other page could use it from the browser of whoever runs it.

import type { HostCheck } from "./host-check.ts";

export interface CorsOptions {
  /** Origins such as "https://a.example", "*" for any, or the hosts whose pages may. */
  readonly origins: readonly string[] | HostCheck;
  /** "*" = all that vLLM knows. */
  readonly methods: readonly string[];
  /** Besides those that a page may always send; "*" = any. */
  readonly headers: readonly string[];
  /** Cookies and keys that the browser holds may come along. */
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

  /** What an answer to `request` carries so that the page that sent it may read it. */
  headersOf({ method, headers }: Request): Headers {
    const origin = headers.get("origin");
    if (origin === null) return {};
    const { allowCredentials } = this.#options;
    const credentials = allowCredentials ? { "access-control-allow-credentials": "true" } : {};
    // With cookies, or where they are to follow, a browser takes no "*".
    const needsName = allowCredentials && (headers.has("cookie") || method === "OPTIONS");
    if (this.#isOpen && !needsName) return { "access-control-allow-origin": ANY, ...credentials };
    if (!this.#allows(origin)) return { vary: "Origin" };
    return { "access-control-allow-origin": origin, vary: "Origin", ...credentials };
  }

  /**
   * What a browser asks before it sends a page's request; headersOf() belongs to the answer.
   * @returns null for a request that is no such question
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
   * A browser sends some requests without asking first and hides but the answer. Those that change
   * something are refused, too.
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
