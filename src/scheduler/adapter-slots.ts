// Assigns the addon's adapter slots to adapters. An adapter that no request needs stays in its slot
// until another adapter needs the slot; the least recently used one is evicted first. One extra slot
// lets an adapter be loaded, and thus checked, while requests need all the others. The engine's loop
// carries out the loads. Pure and synchronous.
//
//   absent --begin()--> loading --loaded()--> ready --evicted or dropped--> absent
//                          `----failed()---> absent

import { assert } from "../assert.ts";
import type { AdapterRef } from "../request/adapter.ts";

/** A load for the engine to carry out. It replaces the slot's previous adapter, if any. */
export interface AdapterLoad {
  readonly adapter: AdapterRef;
  readonly slot: number;
}

interface Resident {
  readonly slot: number;
  /** The adapter's invocation tokens; null while it is loading. */
  invocationTokens: readonly number[] | null;
}

/** @returns the number of slots that the addon must have */
export function numAdapterSlots(maxLoaded: number): number {
  return maxLoaded === 0 ? 0 : maxLoaded + 1;
}

export class AdapterSlots {
  /** Adapters that have a slot, by key, least recently used first. */
  readonly #residents = new Map<string, Resident>();
  readonly #maxLoaded: number;
  readonly #free: number[];
  readonly #loads: AdapterLoad[] = [];
  /** Slots whose adapter is no longer needed, to be emptied between steps. */
  readonly #unloads = new Set<number>();

  /** @param maxLoaded maximum number of adapters that stay loaded; 0 = there are no slots */
  constructor(maxLoaded: number) {
    this.#maxLoaded = maxLoaded;
    const numSlots = numAdapterSlots(maxLoaded);
    this.#free = Array.from({ length: numSlots }, (_, i) => numSlots - 1 - i);
  }

  /** @returns slot of an adapter that is loaded; null if it is absent or loading */
  readySlot(key: string): number | null {
    const resident = this.#residents.get(key);
    return resident === undefined || resident.invocationTokens === null ? null : resident.slot;
  }

  /** @returns a loaded adapter's invocation tokens */
  invocationTokens(key: string): readonly number[] {
    const tokens = this.#residents.get(key)?.invocationTokens ?? null;
    assert(tokens !== null, () => `adapter ${key} is not loaded`);
    return tokens;
  }

  isLoading(key: string): boolean {
    return this.#residents.get(key)?.invocationTokens === null;
  }

  /** Makes a loaded adapter the most recently used one. */
  touch(key: string): void {
    const resident = this.#residents.get(key);
    if (resident === undefined) return;
    this.#residents.delete(key);
    this.#residents.set(key, resident);
  }

  /**
   * Begins to load an absent adapter.
   * @param isNeeded returns true for adapters that must not be evicted
   * @returns false if all slots hold needed or loading adapters
   */
  begin(adapter: AdapterRef, isNeeded: (key: string) => boolean): boolean {
    assert(!this.#residents.has(adapter.key), () => `adapter ${adapter.key} already has a slot`);
    const isFull = this.#residents.size >= this.#maxLoaded;
    const slot = (isFull ? this.#evict(isNeeded) : null) ?? this.#free.pop();
    if (slot === undefined) return false;
    this.#residents.set(adapter.key, { slot, invocationTokens: null });
    this.#unloads.delete(slot);
    this.#loads.push({ adapter, slot });
    return true;
  }

  /**
   * Ends a load. If too many adapters are loaded now, drops one that is not needed.
   * @param isNeeded as in begin()
   */
  loaded(
    key: string,
    invocationTokens: readonly number[],
    isNeeded: (key: string) => boolean,
  ): void {
    const resident = this.#residents.get(key);
    assert(this.isLoading(key) && resident !== undefined, () => `adapter ${key} was not loading`);
    resident.invocationTokens = invocationTokens;
    if (this.#residents.size <= this.#maxLoaded) return;
    const idle = [...this.#residents.keys()].find((other) => {
      return this.readySlot(other) !== null && !isNeeded(other);
    });
    if (idle !== undefined) this.#release(idle);
  }

  /** Frees the slot of an adapter that could not be loaded. */
  failed(key: string): void {
    assert(this.isLoading(key), () => `adapter ${key} was not loading`);
    this.#release(key);
  }

  /** Frees an adapter's slot, if the adapter is loaded. */
  drop(key: string): void {
    if (this.readySlot(key) !== null) this.#release(key);
  }

  /** @returns the loads that have begun since the last call */
  takeLoads(): AdapterLoad[] {
    return this.#loads.splice(0);
  }

  /** @returns the slots to empty before the loads begin */
  takeUnloads(): number[] {
    const slots = [...this.#unloads];
    this.#unloads.clear();
    return slots;
  }

  #evict(isNeeded: (key: string) => boolean): number | null {
    for (const [key, { slot, invocationTokens }] of this.#residents) {
      if (invocationTokens === null || isNeeded(key)) continue;
      this.#residents.delete(key);
      return slot;
    }
    return null;
  }

  #release(key: string): void {
    const resident = this.#residents.get(key);
    if (resident === undefined) return;
    this.#residents.delete(key);
    this.#free.push(resident.slot);
    this.#unloads.add(resident.slot);
  }
}
