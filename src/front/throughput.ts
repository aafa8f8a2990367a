// Estimates how fast sequences in flight end, from how long recent sequences stayed and how many were in
// flight with them. By Little's law, the rate is the average number in flight divided by the average stay.
// Unlike a count of endings, this is correct from the first ending of a burst, in which many start together
// and none ends for a while, and it stays valid over an idle hour. Pure: callers pass the time.

/** State kept for a sequence until it ends. */
export interface Arrival {
  readonly ms: number;
  /** Time in flight of all sequences up to the arrival, sequences x ms. */
  readonly stayedMs: number;
}

/** Factor on a sequence's weight at each later ending: about the last hundred sequences count. */
const FADING = 1 - 1 / 128;

export class Throughput {
  #lastMs: number;
  #numInFlight = 0;
  /** Time in flight of all sequences so far, sequences x ms. */
  #stayedMs = 0;
  /** Start of the current period without an ending while something is in flight. */
  #silentSinceMs: number;
  /** Faded sum over ended sequences of the average number in flight during each one's stay. */
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
    this.#sumInFlight = this.#sumInFlight * FADING + (this.#stayedMs - arrival.stayedMs) / stayMs;
    this.#sumStayMs = this.#sumStayMs * FADING + stayMs;
  }

  /** @returns time until everything in flight ends, at least the time since the last ending; 0 if nothing is */
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
