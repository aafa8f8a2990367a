// Tracks which requests may have crashed the engine, and decides which of them may run until the culprit is known.
// Pure: callers pass the time.
//
// A request in progress when the engine crashes becomes a suspect, unless an identical request has finished normally.
// Suspects that are sent again run one at a time, so only one of them can be in progress at a second crash, and that
// one is refused from then on. However, a new request can run at the same time and be the real culprit. In that case, a
// third crash decides, because the new request has become a suspect by then and also waits its turn. A suspect that
// finishes normally is cleared; one that ends in any other way, for example because its client disconnected, remains a
// suspect. Requests that are not suspects never wait.

import type { SuspectHash } from "./suspect-hash.ts";

/** One arrival of a request. Attempts at the same request have the same hash. */
export interface Attempt {
  readonly hash: SuspectHash;
}

export type Ruling = "runs" | "waits" | "refused";

interface Suspicion {
  readonly numDeaths: number;
  /** True if another request could have caused the last crash. */
  readonly isShared: boolean;
  readonly lastMs: number;
}

/** Time for which a crash counts against a request. */
const WINDOW_MS = 10 * 60_000;
/** Number of crashes after which a request is refused if no other request could have caused the last one. */
const DEATHS_OF_A_CULPRIT = 2;
/**
 * Number of crashes if another request could have caused the last one. To get an innocent request refused, it takes
 * three new culprits.
 */
const SHARED_DEATHS_OF_A_CULPRIT = 3;
const MAX_SUSPECTS = 4096;
const MAX_INNOCENTS = 4096;

export class Suspects<A extends Attempt> {
  /** Suspects in order of their last crash, most recent last. */
  readonly #suspects = new Map<SuspectHash, Suspicion>();
  /** Requests that have finished normally, most recent last. */
  readonly #innocents = new Set<SuspectHash>();
  readonly #running = new Set<A>();
  /** Suspects waiting for their trials, in order of arrival. */
  readonly #line = new Set<A>();

  get running(): ReadonlySet<A> {
    return this.#running;
  }

  /** @returns "waits" if the attempt was put in line, to be removed by takeNext() or leave() */
  arrive(nowMs: number, attempt: A): Ruling {
    this.#forgetOld(nowMs);
    const suspicion = this.#suspects.get(attempt.hash);
    if (suspicion !== undefined && isCulprit(suspicion)) return "refused";
    if (suspicion === undefined || (this.#line.size === 0 && this.#canBeTried(attempt))) {
      this.#running.add(attempt);
      return "runs";
    }
    this.#line.add(attempt);
    return "waits";
  }

  /** Removes a waiting attempt from the line. */
  leave(attempt: A): void {
    this.#line.delete(attempt);
  }

  /** Removes attempts from the line if they are no longer suspects or it is their turn. @returns the attempts to run */
  takeNext(nowMs: number): A[] {
    this.#forgetOld(nowMs);
    const taken: A[] = [];
    let isTurn = true;
    for (const attempt of this.#line) {
      const isSuspect = this.#suspects.has(attempt.hash);
      if (isSuspect) isTurn &&= this.#canBeTried(attempt);
      if (isSuspect && !isTurn) continue;
      this.#line.delete(attempt);
      this.#running.add(attempt);
      taken.push(attempt);
    }
    return taken;
  }

  /**
   * Must be called once for each attempt that ran. Has no effect after a crash.
   * @param isWell whether the engine completed the attempt, or examined and refused it
   */
  finish(attempt: A, isWell: boolean): void {
    if (!this.#running.delete(attempt) || !isWell) return;
    this.#suspects.delete(attempt.hash);
    addLast(this.#innocents, attempt.hash);
    keepLatest(this.#innocents, MAX_INNOCENTS);
  }

  /** Ends all running attempts after a crash. The line stays unchanged. */
  recordDeath(nowMs: number): void {
    this.#forgetOld(nowMs);
    const hashes = new Set(Array.from(this.#running, ({ hash }) => hash));
    this.#running.clear();
    const possible = hashes.difference(this.#innocents);
    const isShared = possible.size > 1;
    for (const hash of possible) {
      const numDeaths = (this.#suspects.get(hash)?.numDeaths ?? 0) + 1;
      this.#suspects.delete(hash);
      this.#suspects.set(hash, { numDeaths, isShared, lastMs: nowMs });
    }
    keepLatest(this.#suspects, MAX_SUSPECTS);
  }

  /** Attempts at the same request share one trial, because all of them have the same outcome. */
  #canBeTried({ hash }: Attempt): boolean {
    for (const running of this.#running) {
      if (running.hash !== hash && this.#suspects.has(running.hash)) return false;
    }
    return true;
  }

  #forgetOld(nowMs: number): void {
    for (const [hash, { lastMs }] of this.#suspects) {
      if (nowMs - lastMs < WINDOW_MS) break;
      this.#suspects.delete(hash);
    }
  }
}

function isCulprit({ numDeaths, isShared }: Suspicion): boolean {
  return numDeaths >= (isShared ? SHARED_DEATHS_OF_A_CULPRIT : DEATHS_OF_A_CULPRIT);
}

function addLast<T>(set: Set<T>, value: T): void {
  set.delete(value);
  set.add(value);
}

/** Drops the oldest entries until `max` are left. */
function keepLatest<K>(kept: Set<K> | Map<K, unknown>, max: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= max) break;
    kept.delete(key);
  }
}
