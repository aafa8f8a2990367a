// Tracks which requests may have crashed the engine, and decides which of them can run until
// the culprit is known. Pure: callers pass the time.
//
// A request in progress when the engine crashes is a suspect, unless an identical one has finished
// normally. Suspects that are sent again run one at a time, so only one of them is in progress at a second
// crash, and that one is refused from then on. But a request that came for the first time can run beside it
// and be the culprit: then a third crash decides, since that one waits its turn, too, from now on. A request
// that finishes normally is no longer a suspect; one that ends otherwise, e.g. because its client left,
// proves nothing. Requests that are not suspects never wait.

import type { SuspectHash } from "./suspect-hash.ts";

/** One arrival of a request; equal hashes are attempts at the same request. */
export interface Attempt {
  readonly hash: SuspectHash;
}

export type Ruling = "runs" | "waits" | "refused";

interface Suspicion {
  readonly numDeaths: number;
  /** Whether another request could have caused the last crash. */
  readonly isShared: boolean;
  readonly lastMs: number;
}

/** Time for which a crash counts against a request. */
const WINDOW_MS = 10 * 60_000;
/** Crashes after which a request is refused, the last of which only it can have caused. */
const DEATHS_OF_A_CULPRIT = 2;
/** An innocent request shares each crash with a culprit that was no suspect yet: this many need three culprits. */
const SHARED_DEATHS_OF_A_CULPRIT = 3;
const MAX_SUSPECTS = 4096;
const MAX_INNOCENTS = 4096;

export class Suspects<A extends Attempt> {
  /** In order of the last crash, the most recent last. */
  readonly #suspects = new Map<SuspectHash, Suspicion>();
  /** Requests that have finished normally, the most recent last. */
  readonly #innocents = new Set<SuspectHash>();
  readonly #running = new Set<A>();
  /** Suspects that wait for their trial, in order of arrival. */
  readonly #line = new Set<A>();

  get running(): ReadonlySet<A> {
    return this.#running;
  }

  /** @returns "waits" if the attempt was put in line; takeNext() or leave() removes it */
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

  /** @returns attempts that leave the line to run: no longer suspects, or it is their turn */
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
   * Call once for each attempt that ran. Has no effect after a crash.
   * @param isWell whether it got a complete response, or was rejected by an engine that had read it
   */
  finish(attempt: A, isWell: boolean): void {
    if (!this.#running.delete(attempt) || !isWell) return;
    this.#suspects.delete(attempt.hash);
    addLast(this.#innocents, attempt.hash);
    keepLatest(this.#innocents, MAX_INNOCENTS);
  }

  /** Ends all running attempts, because the engine has crashed. The line is unchanged. */
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

  /** Attempts at the same request share one trial: the outcome is the same for all. */
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
