// The API key: bearer scheme, on /v1 only, as vLLM. Compared in constant time.

import { createHash, timingSafeEqual } from "node:crypto";

const digest = (text: string) => createHash("sha256").update(text).digest();

export class ApiKeys {
  readonly #digests: readonly Buffer[];

  constructor(keys: readonly string[]) {
    this.#digests = keys.map(digest);
  }

  /** @returns true when the request may pass */
  allows(request: Request, path: string): boolean {
    if (this.#digests.length === 0 || request.method === "OPTIONS") return true;
    if (!path.startsWith("/v1")) return true;
    const [scheme = "", token = ""] = (request.headers.get("authorization") ?? "").split(" ");
    if (scheme.toLowerCase() !== "bearer") return false;
    const given = digest(token);
    // Every key is looked at, so that time tells nothing.
    return this.#digests.reduce((found, key) => timingSafeEqual(key, given) || found, false);
  }
}
