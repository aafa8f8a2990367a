// Keeps responses in memory for later requests, until they expire or newer responses need the space. Each response
// belongs to the API key of the request that created it.

import { writeJson } from "../../json.ts";
import type { JsonObject } from "../schema/json-value.ts";
import type { BackgroundRun } from "./background-run.ts";
import type { ResponseBody } from "./response-body.ts";

export interface StoredResponse {
  /** Index of the accepted key; null if the server has none. */
  readonly owner: number | null;
  /** The conversation before the response, oldest first. */
  readonly items: readonly JsonObject[];
  readonly response: ResponseBody;
  /** The run that generates or generated the response in the background; null if there is none. */
  readonly run: BackgroundRun | null;
}

export interface ResponseStoreOptions {
  /** Maximum total size of all responses with their conversations; 0 = store none. */
  readonly maxBytes: number;
  readonly ttlMs: number;
  readonly nowMs: () => number;
}

interface Entry {
  readonly stored: StoredResponse;
  readonly numBytes: number;
  readonly expiresMs: number;
}

export class ResponseStore {
  readonly #options: ResponseStoreOptions;
  /** Entries by owner and ID, oldest first. Clients can choose IDs, so two owners can have the same one. */
  readonly #entries = new Map<string, Entry>();
  #numBytes = 0;

  constructor(options: ResponseStoreOptions) {
    this.#options = options;
  }

  get isEnabled(): boolean {
    return this.#options.maxBytes > 0;
  }

  get size(): number {
    this.#expire();
    return this.#entries.size;
  }

  /** Stores or replaces a response. A response larger than the whole store is not kept. */
  put(stored: StoredResponse): void {
    const key = keyOf(stored.response.id, stored.owner);
    this.#remove(key);
    const { maxBytes, ttlMs, nowMs } = this.#options;
    const numBytes = sizeOf(stored);
    if (numBytes > maxBytes) {
      stored.run?.cancel();
      return;
    }
    const entry = { stored, numBytes, expiresMs: nowMs() + ttlMs };
    this.#entries.set(key, entry);
    this.#numBytes += numBytes;
    this.#expire();
    for (const oldest of this.#entries.keys()) {
      if (this.#numBytes <= maxBytes) break;
      this.#evict(oldest);
    }
  }

  /** @returns null if there is no such response or it belongs to another key */
  get(id: string, owner: number | null): StoredResponse | null {
    this.#expire();
    return this.#entries.get(keyOf(id, owner))?.stored ?? null;
  }

  /**
   * Finds items of stored conversations and outputs. Searches the newest responses first, which hold the items of an
   * ongoing conversation.
   * @returns the items found, by ID
   */
  itemsOf(ids: Iterable<string>, owner: number | null): Map<string, JsonObject> {
    this.#expire();
    const wanted = new Set(ids);
    const found = new Map<string, JsonObject>();
    for (const { stored } of [...this.#entries.values()].toReversed()) {
      if (wanted.size === 0) break;
      if (stored.owner !== owner) continue;
      for (const item of itemsAfter(stored)) {
        const { id } = item;
        if (typeof id === "string" && wanted.delete(id)) found.set(id, item);
      }
    }
    return found;
  }

  /** @returns false if there is no such response or it belongs to another key */
  delete(id: string, owner: number | null): boolean {
    if (this.get(id, owner) === null) return false;
    this.#evict(keyOf(id, owner));
    return true;
  }

  #expire(): void {
    const nowMs = this.#options.nowMs();
    for (const [key, { expiresMs }] of this.#entries) {
      if (expiresMs > nowMs) return;
      this.#evict(key);
    }
  }

  /** Removes an entry and cancels its run, since its response can no longer be read. */
  #evict(key: string): void {
    this.#remove(key)?.stored.run?.cancel();
  }

  #remove(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    this.#numBytes -= entry?.numBytes ?? 0;
    return entry;
  }
}

/** @returns the conversation after the response, oldest first */
export function itemsAfter({ items, response }: StoredResponse): readonly JsonObject[] {
  return [...items, ...(response.output as readonly JsonObject[])];
}

const keyOf = (id: string, owner: number | null): string => `${owner} ${id}`;

/** Counts two bytes per UTF-16 code unit. Conversations that share items count them separately. */
function sizeOf({ items, response, run }: StoredResponse): number {
  const numUnits = writeJson(items).length + writeJson(response).length + (run?.eventsLength ?? 0);
  return 2 * numUnits;
}
