// API keys: bearer scheme, compared in constant time. By default, every path requires a key, known or not,
// except the few listed as open. vLLM guards only /v1.

import { createHash, timingSafeEqual } from "node:crypto";

const digest = (key: string | Uint8Array) => createHash("sha256").update(key).digest();

/** Paths that require a key: all except open paths, or only those that vLLM guards. */
export type ApiKeyScope = "all" | "vllm";

export interface ApiKeysOptions {
  /** Accepted keys; empty = no key is required. */
  readonly keys: readonly string[];
  readonly scope: ApiKeyScope;
  /** Paths outside /v1 that require a key in either scope. */
  readonly guarded: readonly string[];
}

/** Paths for clients without a key: probes, load balancers, Prometheus, and a browser at the root. */
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
    // The first space ends the scheme; a key can contain more spaces.
    const [scheme = "", ...words] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer") return false;
    const given = words.join(" ").trimStart();
    // A header's characters are bytes: some clients encode a key in Latin-1, others in UTF-8.
    const readings = [digest(given), digest(Buffer.from(given, "latin1"))];
    // Compares all keys, so the response time reveals nothing.
    return this.#digests
      .flatMap((key) => readings.map((reading) => timingSafeEqual(key, reading)))
      .includes(true);
  }

  #needsKey(path: string): boolean {
    if (this.#scope === "all") return !OPEN.test(path);
    return path.startsWith("/v1") || this.#guarded.has(path);
  }
}
