// Decides which requests can run with their LoRA adapter: at most a certain number of adapters run at once, and an
// adapter must be loaded first. Other requests are deferred, so that they do not hold up the requests behind them.
//
// No request starves: if requests with running adapters keep overtaking a deferred one, no more of
// them are admitted. Once the running requests end, a turn is free, and deferred requests get it in
// queue order.

import { assert } from "../assert.ts";
import { type AdapterRef, adapterStart } from "../request/adapter.ts";
import type { Request } from "../request/request.ts";
import { type AdapterLoad, AdapterSlots } from "./adapter-slots.ts";

export interface AdapterLimits {
  /** Maximum number of adapters that run at once; 0 = requests with adapters are never added. */
  readonly maxLoras: number;
  /** Maximum number of adapters that stay loaded, at least maxLoras. */
  readonly maxLoadedLoras: number;
}

export const NO_ADAPTERS: AdapterLimits = { maxLoras: 0, maxLoadedLoras: 0 };

interface Usage {
  readonly adapter: AdapterRef;
  numLive: number;
  numRunning: number;
  /** Whether a turn is kept for the adapter while it is loaded for a waiting request. */
  isReserved: boolean;
}

/** Number of requests that can overtake a request that waits for a turn. */
const MAX_OVERTAKES = 32;

export class AdapterTurns {
  readonly #maxLoras: number;
  readonly #runsBefore: (a: Request, b: Request) => boolean;
  readonly #slots: AdapterSlots;
  /** Adapters of live requests, by key. */
  readonly #usage = new Map<string, Usage>();
  /** Keys of adapters to unload once no live request uses them. */
  readonly #removed = new Set<string>();
  /** The first request deferred since a turn was last freed; null = none waits for a turn. */
  #first: Request | null = null;
  #numOvertakes = 0;

  /** @param runsBefore queue order */
  constructor(
    { maxLoras, maxLoadedLoras }: AdapterLimits,
    runsBefore: (a: Request, b: Request) => boolean,
  ) {
    assert(maxLoadedLoras >= maxLoras, "fewer adapter slots than running adapters");
    this.#maxLoras = maxLoras;
    this.#runsBefore = runsBefore;
    this.#slots = new AdapterSlots(maxLoadedLoras);
  }

  /** Counts a request that has arrived. */
  added({ adapter }: Request): void {
    if (adapter === null) return;
    const usage = this.#usage.get(adapter.key);
    if (usage !== undefined) usage.numLive++;
    else this.#usage.set(adapter.key, { adapter, numLive: 1, numRunning: 0, isReserved: false });
  }

  /**
   * Decides whether a request at the head of the queue has to wait for its adapter. If the adapter is absent and can
   * have a turn, its load begins. For a request that does not have to wait, sets `adapterStart`.
   */
  mustWait(request: Request): boolean {
    const { adapter } = request;
    if (adapter === null) return false;
    const usage = this.#usageOf(adapter);
    if (!isActive(usage) && this.#numActive >= this.#maxLoras) return this.#defer(request);
    if (usage.numRunning > 0 && this.#isShutOut(request)) return true;
    const slot = this.#slots.readySlot(adapter.key);
    if (slot === null) {
      if (!this.#slots.isLoading(adapter.key) && !this.#begin(adapter)) return this.#defer(request);
      usage.isReserved = true;
      return true;
    }
    request.adapterStart ??= adapterStart(
      request.tokenIds(0, request.numPromptTokens),
      this.#slots.invocationTokens(adapter.key),
    );
    return false;
  }

  /** Counts a request that starts to run. */
  started(request: Request): void {
    const { adapter } = request;
    if (adapter === null) return;
    const usage = this.#usageOf(adapter);
    usage.numRunning++;
    usage.isReserved = false;
    this.#slots.touch(adapter.key);
    if (this.#first === request) this.#first = null;
    if (this.#overtakes(request)) this.#numOvertakes++;
  }

  /** Counts a preempted request. @returns true if deferred requests can be checked again */
  preempted({ adapter }: Request): boolean {
    if (adapter === null) return false;
    const usage = this.#usageOf(adapter);
    usage.numRunning--;
    return usage.numRunning === 0 && this.#freed();
  }

  /** Counts a request that has ended. @returns true if deferred requests can be checked again */
  finished(request: Request, wasRunning: boolean): boolean {
    const { adapter } = request;
    if (adapter === null) return false;
    const usage = this.#usageOf(adapter);
    const wasActive = isActive(usage);
    usage.numLive--;
    if (wasRunning) usage.numRunning--;
    if (usage.numLive === 0) this.#usage.delete(adapter.key);
    if (usage.numLive === 0) this.#dropRemoved(adapter.key);
    const wasFirst = this.#first === request;
    const isFreed = wasActive && (usage.numLive === 0 || !isActive(usage));
    return (isFreed || wasFirst) && this.#freed();
  }

  /** Slot of a running request's adapter; -1 = none. */
  slotOf({ adapter }: Request): number {
    if (adapter === null) return -1;
    const slot = this.#slots.readySlot(adapter.key);
    assert(slot !== null, () => `adapter ${adapter.key} is not loaded`);
    return slot;
  }

  /**
   * Begins to load an adapter that no request has asked for yet.
   * @returns "loaded" if it is already loaded; "full" if no slot is left because of other loads
   */
  load(adapter: AdapterRef): "loaded" | "loading" | "full" {
    const { key } = adapter;
    if (this.#slots.readySlot(key) !== null) return "loaded";
    return this.#slots.isLoading(key) || this.#begin(adapter) ? "loading" : "full";
  }

  /** Ends a load. Deferred requests can then be checked again. */
  loaded(key: string, invocationTokens: readonly number[]): void {
    this.#slots.loaded(key, invocationTokens, this.#isNeeded);
    this.#dropRemoved(key);
  }

  /** Ends a load that failed. The engine ends the requests that waited for it. */
  failed(key: string): void {
    this.#slots.failed(key);
    this.#removed.delete(key);
    const usage = this.#usage.get(key);
    if (usage !== undefined) usage.isReserved = false;
    this.#freed();
  }

  /** Unloads an adapter once no live request uses it. */
  remove(key: string): void {
    this.#removed.add(key);
    this.#dropRemoved(key);
  }

  /** @returns the loads that have begun since the last call */
  takeLoads(): AdapterLoad[] {
    return this.#slots.takeLoads();
  }

  /** @returns the slots to empty before the loads begin */
  takeUnloads(): number[] {
    return this.#slots.takeUnloads();
  }

  /** @returns names of live requests' adapters; null if adapters are off */
  stats() {
    if (this.#maxLoras === 0) return null;
    const used = [...this.#usage.values()];
    const namesOf = (some: readonly Usage[]) => [
      ...new Set(some.map(({ adapter }) => adapter.name)),
    ];
    return {
      running: namesOf(used.filter(({ numRunning }) => numRunning > 0)),
      waiting: namesOf(used.filter(({ numLive, numRunning }) => numLive > numRunning)),
    };
  }

  get #numActive(): number {
    let count = 0;
    for (const usage of this.#usage.values()) if (isActive(usage)) count++;
    return count;
  }

  #usageOf({ key }: AdapterRef): Usage {
    const usage = this.#usage.get(key);
    assert(usage !== undefined, () => `no live request uses the adapter ${key}`);
    return usage;
  }

  #begin(adapter: AdapterRef): boolean {
    return this.#slots.begin(adapter, this.#isNeeded);
  }

  readonly #isNeeded = (key: string) => {
    const usage = this.#usage.get(key);
    return usage !== undefined && isActive(usage);
  };

  #defer(request: Request): true {
    this.#first ??= request;
    return true;
  }

  /** @returns true if the request would run even though one ahead of it is waiting for a turn */
  #overtakes(request: Request): boolean {
    return this.#first !== null && this.#runsBefore(this.#first, request);
  }

  /** Lets preempted requests and forks pass, since they belong to requests that have already run. */
  #isShutOut(request: Request): boolean {
    if (request.status === "PREEMPTED" || request.forkOf !== null) return false;
    return this.#numOvertakes >= MAX_OVERTAKES && this.#overtakes(request);
  }

  #freed(): true {
    this.#first = null;
    this.#numOvertakes = 0;
    return true;
  }

  #dropRemoved(key: string): void {
    if (!this.#removed.has(key) || this.#usage.has(key) || this.#slots.isLoading(key)) return;
    this.#removed.delete(key);
    this.#slots.drop(key);
  }
}

const isActive = ({ numRunning, isReserved }: Usage) => numRunning > 0 || isReserved;
