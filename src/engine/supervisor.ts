// What is decided about an engine that dies or hangs: when it starts again, when that is given up, which
// requests are not let in again. Pure: every time is handed in.

import type { SuspectHash } from "./suspect-hash.ts";

/** Deaths count this long. */
const WINDOW_MS = 10 * 60_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;

export class RestartPolicy {
  readonly #maxDeaths: number;
  #deathsMs: number[] = [];
  /** Without a finished request between them. */
  #numFruitless = 0;

  /** @param maxDeaths as many within ten minutes end the server; 0 = none does */
  constructor(maxDeaths: number) {
    this.#maxDeaths = maxDeaths;
  }

  /**
   * @param wasUseful a request has finished since the engine started
   * @returns ms until it is started again: 0, then, while it comes to nothing, 1, 2, 4 ... 30 s; null to give up
   */
  delayAfterDeath(nowMs: number, wasUseful: boolean): number | null {
    this.#deathsMs = this.#deathsMs.filter((deathMs) => nowMs - deathMs < WINDOW_MS);
    this.#deathsMs.push(nowMs);
    if (this.#maxDeaths > 0 && this.#deathsMs.length >= this.#maxDeaths) return null;
    const numFruitless = wasUseful ? 0 : this.#numFruitless;
    this.#numFruitless = numFruitless + 1;
    if (numFruitless === 0) return 0;
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (numFruitless - 1));
  }
}

const MIN_RETRY_S = 1;
const MAX_RETRY_S = 30;

/** When an engine that is down is expected to take work again: its next start, and as long as the last took. */
export class ReturnForecast {
  #loadMs: number;
  #backMs = 0;

  /** @param loadMs of the start that has just succeeded */
  constructor(loadMs: number) {
    this.#loadMs = loadMs;
  }

  startsAt(startMs: number): void {
    this.#backMs = startMs + this.#loadMs;
  }

  hasLoaded(loadMs: number): void {
    this.#loadMs = loadMs;
  }

  /** @returns whole seconds to wait, 1 to 30 */
  retryAfterS(nowMs: number): number {
    const waitS = Math.ceil((this.#backMs - nowMs) / 1000);
    return Math.min(MAX_RETRY_S, Math.max(MIN_RETRY_S, waitS));
  }
}

const DEATHS_OF_A_SUSPECT = 2;
const MAX_SUSPECTS = 4096;

/**
 * Requests that were in progress when the engine died. Those of two deaths are refused,
 * until ten minutes have passed since the last.
 */
export class Suspects {
  readonly #suspects = new Map<
    SuspectHash,
    { readonly numDeaths: number; readonly lastMs: number }
  >();

  /** While nobody is suspected nothing has to be hashed. */
  get isEmpty(): boolean {
    return this.#suspects.size === 0;
  }

  recordDeath(nowMs: number, hashes: Iterable<SuspectHash>): void {
    this.#forgetOld(nowMs);
    for (const hash of new Set(hashes)) {
      const numDeaths = (this.#suspects.get(hash)?.numDeaths ?? 0) + 1;
      // Deleted first, so that the order is by the last death.
      this.#suspects.delete(hash);
      this.#suspects.set(hash, { numDeaths, lastMs: nowMs });
    }
    for (const hash of this.#suspects.keys()) {
      if (this.#suspects.size <= MAX_SUSPECTS) break;
      this.#suspects.delete(hash);
    }
  }

  refuses(nowMs: number, hash: SuspectHash): boolean {
    this.#forgetOld(nowMs);
    return (this.#suspects.get(hash)?.numDeaths ?? 0) >= DEATHS_OF_A_SUSPECT;
  }

  #forgetOld(nowMs: number): void {
    for (const [hash, { lastMs }] of this.#suspects) {
      if (nowMs - lastMs < WINDOW_MS) break;
      this.#suspects.delete(hash);
    }
  }
}

/** Notices work without progress. */
export class Watchdog {
  readonly #timeoutMs: number;
  #progress = 0;
  /** Since when there is work and no progress; null without work. */
  #stalledSinceMs: number | null = null;

  /** @param timeoutMs 0 = it never barks */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * To be asked at least once a second.
   * @param progress any number that changes with each step of the work
   * @returns whether work has waited for longer than it may
   */
  isHung(nowMs: number, hasWork: boolean, progress: number): boolean {
    if (!hasWork) this.#stalledSinceMs = null;
    else if (progress !== this.#progress) this.#stalledSinceMs = nowMs;
    else this.#stalledSinceMs ??= nowMs;
    this.#progress = progress;
    if (this.#stalledSinceMs === null || this.#timeoutMs === 0) return false;
    return nowMs - this.#stalledSinceMs >= this.#timeoutMs;
  }
}
