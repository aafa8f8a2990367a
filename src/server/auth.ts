// Checks API keys, which are sent as bearer tokens or in Anthropic's x-api-key header and compared in constant time.
// By default, every path requires a key, even an unknown one, except for the few in OPEN. vLLM protects only /v1.

import { createHash, timingSafeEqual } from "node:crypto";

const digest = (key: string | Uint8Array) => createHash("sha256").update(key).digest();

/** Paths that require a key: "all" = all except OPEN, "vllm" = only the paths that vLLM protects. */
export type ApiKeyScope = "all" | "vllm";

export interface ApiKeysOptions {
  /** Accepted keys; empty = no key is required. */
  readonly keys: readonly string[];
  readonly scope: ApiKeyScope;
  /** Paths outside /v1 that require a key in either scope. */
  readonly guarded: readonly string[];
}

/** Paths that never require a key, for probes, load balancers, Prometheus, and browsers that show / or /docs. */
const OPEN =
  /^\/(|docs(\/.*)?|openapi\.json|health|health\/ready|ping|version|load|metrics(\/.*)?)$/;

export class ApiKeys {
  readonly #digests: readonly Buffer[];
  readonly #scope: ApiKeyScope;
  readonly #guarded: ReadonlySet<string>;

  constructor({ keys, scope, guarded }: ApiKeysOptions) {
    this.#digests = keys.map(digest);
    this.#scope = scope;
    this.#guarded = new Set(guarded);
  }

  /** @returns true if the request is allowed to use the path */
  allows(request: Request, path: string): boolean {
    if (this.#digests.length === 0) return true;
    if (!this.#needsKey(path)) return true;
    return this.keyOf(request) !== null;
  }

  /** @returns the index of the accepted key that the request sends; null if it sends none */
  keyOf({ headers }: Request): number | null {
    const given = [bearerKey(headers), headers.get("x-api-key")].filter((key) => key !== null);
    // Each character of a header value represents one byte. Some clients encode keys in Latin-1,
    // others in UTF-8.
    const readings = given.flatMap((key) => [digest(key), digest(Buffer.from(key, "latin1"))]);
    // Compares all keys, so that the response time reveals nothing.
    const matches = this.#digests.map((key) =>
      readings.map((reading) => timingSafeEqual(key, reading)).includes(true),
    );
    const index = matches.indexOf(true);
    return index === -1 ? null : index;
  }

  #needsKey(path: string): boolean {
    if (this.#scope === "all") return !OPEN.test(path);
    return path.startsWith("/v1") || this.#guarded.has(path);
  }
}

/** @returns null if the header is missing or uses another scheme */
function bearerKey(headers: Headers): string | null {
  // The scheme ends at the first space; the key itself can contain spaces.
  const [scheme = "", ...words] = (headers.get("authorization") ?? "").split(" ");
  return scheme.toLowerCase() === "bearer" ? words.join(" ").trimStart() : null;
}
