// Estimates how fast sequences finish, from how long recent sequences took and how many were in flight with them. By
// Little's law, the rate is the average number in flight divided by the average duration. Unlike a count of finished
// sequences, this estimate is correct as soon as the first sequence of a burst finishes, and it stays valid even after
// an idle hour. Pure: callers pass the time.

/** State kept for each sequence until it ends. */
export interface Arrival {
  readonly ms: number;
  /** Total time in flight of all sequences up to the arrival, in sequences x ms. */
  readonly stayedMs: number;
}

/**
 * Factor by which a sequence's weight decays each time a later one finishes; about the last hundred sequences count.
 */
const DECAY = 1 - 1 / 128;

export class Throughput {
  #lastMs: number;
  #numInFlight = 0;
  /** Total time in flight of all sequences so far, in sequences x ms. */
  #stayedMs = 0;
  /** Time when a sequence last ended, or of the first start after an idle period if that is later. */
  #silentSinceMs: number;
  /** Decayed sum, over finished sequences, of the average number in flight while each was running. */
  #sumInFlight = 0;
  #sumStayMs = 0;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
    this.#silentSinceMs = nowMs;
  }

  setInFlight(nowMs: number, numInFlight: number): void {
    this.#advance(nowMs);
    if (this.#numInFlight === 0) this.#silentSinceMs = nowMs;
    this.#numInFlight = numInFlight;
  }

  arrive(nowMs: number): Arrival {
    this.#advance(nowMs);
    return { ms: nowMs, stayedMs: this.#stayedMs };
  }

  depart(nowMs: number, arrival: Arrival): void {
    this.#advance(nowMs);
    this.#silentSinceMs = nowMs;
    const stayMs = nowMs - arrival.ms;
    if (stayMs <= 0) return;
    this.#sumInFlight = this.#sumInFlight * DECAY + (this.#stayedMs - arrival.stayedMs) / stayMs;
    this.#sumStayMs = this.#sumStayMs * DECAY + stayMs;
  }

  /**
   * @returns ms until everything in flight finishes, but at least the time since a sequence last ended; 0 if nothing is
   * in flight
   */
  clearsInMs(nowMs: number): number {
    if (this.#numInFlight === 0) return 0;
    const measured =
      this.#sumInFlight === 0 ? 0 : (this.#numInFlight * this.#sumStayMs) / this.#sumInFlight;
    return Math.max(measured, nowMs - this.#silentSinceMs);
  }

  #advance(nowMs: number): void {
    this.#stayedMs += this.#numInFlight * (nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}
