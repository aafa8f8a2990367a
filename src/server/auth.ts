// Checks API keys, which are sent as bearer tokens and compared in constant time. By default, every path requires
// a key, even an unknown path, except the few in OPEN. vLLM protects only /v1.

import { createHash, timingSafeEqual } from "node:crypto";

const digest = (key: string | Uint8Array) => createHash("sha256").update(key).digest();

/** Paths that require a key: all except open paths, or only those that vLLM protects. */
export type ApiKeyScope = "all" | "vllm";

export interface ApiKeysOptions {
  /** Accepted keys; empty = no key is required. */
  readonly keys: readonly string[];
  readonly scope: ApiKeyScope;
  /** Paths outside /v1 that require a key in either scope. */
  readonly guarded: readonly string[];
}

/** Paths that never require a key, for probes, load balancers, Prometheus, and browsers at the root. */
const OPEN = /^\/(|health|ping|version|load|metrics(\/.*)?)$/;

export class ApiKeys {
  readonly #digests: readonly Buffer[];
  readonly #scope: ApiKeyScope;
  readonly #guarded: ReadonlySet<string>;

  constructor({ keys, scope, guarded }: ApiKeysOptions) {
    this.#digests = keys.map(digest);
    this.#scope = scope;
    this.#guarded = new Set(guarded);
  }

  /** @returns true if the request is allowed */
  allows(request: Request, path: string): boolean {
    if (this.#digests.length === 0) return true;
    if (!this.#needsKey(path)) return true;
    // The scheme ends at the first space; the key itself can contain spaces.
    const [scheme = "", ...words] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer") return false;
    const given = words.join(" ").trimStart();
    // Each character of a header is one byte. Some clients encode keys in Latin-1, others in UTF-8.
    const readings = [digest(given), digest(Buffer.from(given, "latin1"))];
    // Compare all keys, so that the response time reveals nothing.
    return this.#digests
      .flatMap((key) => readings.map((reading) => timingSafeEqual(key, reading)))
      .includes(true);
  }

  #needsKey(path: string): boolean {
    if (this.#scope === "all") return !OPEN.test(path);
    return path.startsWith("/v1") || this.#guarded.has(path);
  }
}
