// The API key: bearer scheme, on /v1, as vLLM, and on what changes the server. Compared in constant time.

import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string) => createHash("sha256").update(text).digest();

export class ApiKeys {
  readonly #digests: readonly Buffer[];

  readonly #guarded: ReadonlySet<string>;

  /** @param guarded paths outside /v1 that need a key too */
  constructor(keys: readonly string[], guarded: readonly string[]) {
    this.#digests = keys.map(digest);
    this.#guarded = new Set(guarded);
  }

  /** @returns true when the request may pass */
  allows(request: Request, path: string): boolean {
    if (this.#digests.length === 0 || request.method === "OPTIONS") return true;
    if (!path.startsWith("/v1") && !this.#guarded.has(path)) return true;
    // The first space ends the scheme; a key may hold others.
    const [scheme = "", ...words] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer") return false;
    const given = digest(words.join(" "));
    // Every key is looked at, so that time tells nothing.
    return this.#digests.reduce((found, key) => timingSafeEqual(key, given) || found, false);
  }
}
