// How fast what is in flight ends, from how long the last sequences were there and among how many: by
// Little's law as many leave in a second as are there on average, divided by the seconds that each stays.
// Unlike a count of endings it is right from the first one of a burst, in which many begin together and
// none ends for a while, and it outlasts an idle hour. Pure: every time is handed in.

/** Kept of a sequence until it ends. */
export interface Arrival {
  readonly ms: number;
  /** Of all sequences until then, sequences x ms. */
  readonly stayedMs: number;
}

/** What a sequence weighs when the next one has ended: some hundred count. */
const FADING = 1 - 1 / 128;

export class Throughput {
  #lastMs: number;
  #numInFlight = 0;
  /** Sequences x ms. */
  #stayedMs = 0;
  /** Nothing has ended since, though there was something to end. */
  #silentSinceMs: number;
  /** Over the sequences that have ended, fading: how many were in flight on average while one was. */
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

  /** @returns how long what is in flight will take; at the least as long again as nothing has ended; 0 = not known */
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
