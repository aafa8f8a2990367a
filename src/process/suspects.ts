// Which requests may have killed the engine, and what is done with them until that is known. Pure: every
// time is handed in.
//
// What was in progress at a death is suspected, but for what has finished well before. The suspected are
// tried one at a time when they come again: at a second death only one of them is in progress, and it is the
// one that is refused. Whatever finishes well is suspected no longer. One that ends otherwise, because its
// client left, has proved nothing. Requests that are not suspected never wait.

import type { SuspectHash } from "./suspect-hash.ts";

/** A request on its way: equal ones are attempts at the same. */
export interface Attempt {
  readonly hash: SuspectHash;
}

export type Ruling = "runs" | "waits" | "refused";

/** A death is held against a request for so long. */
const WINDOW_MS = 10 * 60_000;
const DEATHS_OF_A_CULPRIT = 2;
const MAX_SUSPECTS = 4096;
const MAX_INNOCENTS = 4096;

export class Suspects<A extends Attempt> {
  /** By the last death, the latest last. */
  readonly #suspects = new Map<
    SuspectHash,
    { readonly numDeaths: number; readonly lastMs: number }
  >();
  /** What has finished well, the latest last. */
  readonly #innocents = new Set<SuspectHash>();
  readonly #running = new Set<A>();
  /** Suspected ones that wait for their trial, in order of arrival. */
  readonly #line = new Set<A>();

  get running(): ReadonlySet<A> {
    return this.#running;
  }

  /** @returns "waits": it is in the line, which takeNext() or leave() takes it out of */
  arrive(nowMs: number, attempt: A): Ruling {
    this.#forgetOld(nowMs);
    const numDeaths = this.#suspects.get(attempt.hash)?.numDeaths ?? 0;
    if (numDeaths >= DEATHS_OF_A_CULPRIT) return "refused";
    if (numDeaths === 0 || (this.#line.size === 0 && this.#canBeTried(attempt))) {
      this.#running.add(attempt);
      return "runs";
    }
    this.#line.add(attempt);
    return "waits";
  }

  /** It waits no longer. */
  leave(attempt: A): void {
    this.#line.delete(attempt);
  }

  /** @returns those of the line that run now: the suspicion has gone, or it is their turn */
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
   * To be told of each that ran; after a death it changes nothing.
   * @param isWell it got its whole answer, or a refusal of the engine that read it
   */
  finish(attempt: A, isWell: boolean): void {
    if (!this.#running.delete(attempt) || !isWell) return;
    this.#suspects.delete(attempt.hash);
    addLast(this.#innocents, attempt.hash);
    keepLatest(this.#innocents, MAX_INNOCENTS);
  }

  /** The engine has died: all that ran has ended. Those in line are still there. */
  recordDeath(nowMs: number): void {
    this.#forgetOld(nowMs);
    const hashes = new Set(Array.from(this.#running, ({ hash }) => hash));
    this.#running.clear();
    for (const hash of hashes) {
      if (this.#innocents.has(hash)) continue;
      const numDeaths = (this.#suspects.get(hash)?.numDeaths ?? 0) + 1;
      this.#suspects.delete(hash);
      this.#suspects.set(hash, { numDeaths, lastMs: nowMs });
    }
    keepLatest(this.#suspects, MAX_SUSPECTS);
  }

  /** Attempts at the same are one trial: its outcome is the same for all. */
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

function addLast<T>(set: Set<T>, value: T): void {
  set.delete(value);
  set.add(value);
}

/** Drops the first ones until `max` are left. */
function keepLatest<K>(kept: Set<K> | Map<K, unknown>, max: number): void {
  for (const key of kept.keys()) {
    if (kept.size <= max) break;
    kept.delete(key);
  }
}
