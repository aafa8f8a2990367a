// Limits admitted work: sequences in flight, and prompt tokens of requests that have no output yet (both match vLLM's
// limits of the same names). Capacity is reserved before any work is done for a request, so a burst cannot slip through
// while its first requests are being tokenized. A request can be canceled as soon as it has a reservation. No I/O.

import { OverloadError, RequestError } from "../errors.ts";
import { type Arrival, Throughput } from "./throughput.ts";

export interface AdmissionLimits {
  /** Maximum number of sequences in flight, where a request counts n times; null = no limit. */
  readonly maxNumQueuedReqs: number | null;
  /** Maximum number of prompt tokens in requests that have no output yet; null = no limit. */
  readonly maxNumQueuedTokens: number | null;
}

const MIN_RETRY_S = 1;
const MAX_RETRY_S = 30;

export class Admission {
  readonly #maxSequences: number;
  readonly #maxTokens: number;
  readonly #nowMs: () => number;
  readonly #throughput: Throughput;
  /** Unreleased reservations that have an ID. */
  readonly #open = new Set<Reservation>();
  #numSequences = 0;
  #numTokens = 0;

  /** @param nowMs the front's monotonic clock */
  constructor(limits: AdmissionLimits, nowMs: () => number) {
    this.#maxSequences = limits.maxNumQueuedReqs ?? Number.POSITIVE_INFINITY;
    this.#maxTokens = limits.maxNumQueuedTokens ?? Number.POSITIVE_INFINITY;
    this.#nowMs = nowMs;
    this.#throughput = new Throughput(nowMs());
  }

  get numSequences(): number {
    return this.#numSequences;
  }

  get numTokens(): number {
    return this.#numTokens;
  }

  /**
   * Reserves capacity for sequences whose prompts are not known yet.
   * @param externalId ID by which the request can be canceled until the reservation is released
   * @throws OverloadError "queue_full"
   * @throws RequestError "invalid_value" if the sequences would not fit even into an empty queue
   */
  reserve(numSequences: number, externalId: string | null = null): Reservation {
    const max = this.#maxSequences;
    if (numSequences > max) throw neverFits(`${numSequences} sequences (n times prompts)`, max);
    if (this.#numSequences + numSequences > max) throw this.#full(`${max} requests in flight`);
    this.#changeSequences(numSequences);
    const reservation = new Reservation(this, numSequences, externalId);
    if (externalId !== null) this.#open.add(reservation);
    return reservation;
  }

  /** Reserves capacity for a later part of a request that has been admitted, even if that exceeds the limits. */
  extend(numSequences: number, numTokens: number): Reservation {
    this.#changeSequences(numSequences);
    this.#numTokens += numTokens;
    const reservation = new Reservation(this, numSequences, null);
    reservation.hold(numTokens);
    return reservation;
  }

  /** Cancels all requests that hold a reservation under this ID. @returns false if there are none */
  cancel(externalId: string): boolean {
    const named = [...this.#open].filter((reservation) => reservation.externalId === externalId);
    for (const reservation of named) reservation.isCanceled = true;
    return named.length > 0;
  }

  /** Called when a reservation is released. */
  close(reservation: Reservation): void {
    this.#open.delete(reservation);
  }

  /**
   * Reserves capacity for prompts.
   * @param numHeld tokens already reserved for them
   * @throws the same errors as reserve()
   */
  addTokens(numTokens: number, numHeld = 0): void {
    const max = this.#maxTokens;
    if (numTokens > max) throw neverFits(`${numTokens} prompt tokens`, max);
    const numBefore = this.#numTokens - numHeld;
    const grows = numTokens > numHeld;
    if (grows && numBefore + numTokens > max) throw this.#full(`${max} waiting prompt tokens`);
    this.#numTokens = numBefore + numTokens;
  }

  /** Returns unused capacity. */
  giveBack(numSequences: number, numTokens: number): void {
    this.#changeSequences(-numSequences);
    this.#numTokens -= numTokens;
  }

  /** Marks the start of sequences. The caller must keep the result until all of them have ended. */
  beginSequences(): Arrival {
    return this.#throughput.arrive(this.#nowMs());
  }

  /** Called when a sequence has ended. */
  endSequence(arrival: Arrival): void {
    this.#throughput.depart(this.#nowMs(), arrival);
    this.#changeSequences(-1);
  }

  /** Called when a request has its first output or has ended without one. */
  endPrompt(numTokens: number): void {
    this.#numTokens -= numTokens;
  }

  /** Estimated time until everything in flight finishes at the recent rate, in whole seconds from 1 to 30. */
  get retryAfterS(): number {
    const waitS = Math.ceil(this.#throughput.clearsInMs(this.#nowMs()) / 1000);
    return Math.min(MAX_RETRY_S, Math.max(MIN_RETRY_S, waitS));
  }

  #changeSequences(change: number): void {
    this.#numSequences += change;
    this.#throughput.setInFlight(this.#nowMs(), this.#numSequences);
  }

  #full(limit: string): OverloadError {
    const message = `The server is at its limit of ${limit}. Retry later.`;
    return new OverloadError("queue_full", message, this.retryAfterS);
  }
}

/** Capacity reserved for one HTTP request. Its engine requests take from it, and release() returns the rest. */
export class Reservation {
  readonly externalId: string | null;
  /** True if the request was canceled before it was queued. */
  isCanceled = false;
  readonly #admission: Admission;
  #numSequences: number;
  #numTokens = 0;

  constructor(admission: Admission, numSequences: number, externalId: string | null) {
    this.#admission = admission;
    this.#numSequences = numSequences;
    this.externalId = externalId;
  }

  /** @throws the same errors as Admission.addTokens() */
  addTokens(numTokens: number): void {
    this.#admission.addTokens(numTokens);
    this.hold(numTokens);
  }

  /** Adds tokens for which capacity is already reserved. */
  hold(numTokens: number): void {
    this.#numTokens += numTokens;
  }

  /** Transfers capacity to an engine request. The front tells the Admission when that request ends. */
  take(numSequences: number, numTokens: number): void {
    this.#numSequences -= numSequences;
    this.#numTokens -= numTokens;
  }

  /** Returns the remaining capacity. Idempotent. */
  release(): void {
    this.#admission.close(this);
    this.#admission.giveBack(this.#numSequences, this.#numTokens);
    this.#numSequences = 0;
    this.#numTokens = 0;
  }
}

function neverFits(what: string, max: number): RequestError {
  const message = `${what} exceed this server's limit of ${max}.`;
  return new RequestError("invalid_value", message);
}
