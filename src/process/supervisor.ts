// Decides when to restart an engine that crashed or hung, and when to give up. Pure: callers pass the time.

/** Time for which a crash counts. */
const WINDOW_MS = 10 * 60_000;
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;

export class RestartPolicy {
  readonly #maxDeaths: number | null;
  #deathsMs: number[] = [];
  /** Number of consecutive crashes without a finished request between them. */
  #numFruitless = 0;

  /** @param maxDeaths number of crashes within ten minutes after which to give up; null = never give up */
  constructor(maxDeaths: number | null) {
    this.#maxDeaths = maxDeaths;
  }

  /**
   * @param wasUseful whether a request has finished since the engine started
   * @returns delay in ms before the restart: 0 at first, then 1, 2, 4 ... 30 s as long as no request finishes; null =
   * give up
   */
  delayAfterDeath(nowMs: number, wasUseful: boolean): number | null {
    this.#deathsMs = this.#deathsMs.filter((deathMs) => nowMs - deathMs < WINDOW_MS);
    this.#deathsMs.push(nowMs);
    if (this.#maxDeaths !== null && this.#deathsMs.length >= this.#maxDeaths) return null;
    const numFruitless = wasUseful ? 0 : this.#numFruitless;
    this.#numFruitless = numFruitless + 1;
    if (numFruitless === 0) return 0;
    return Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (numFruitless - 1));
  }
}

const MIN_RETRY_S = 1;
const MAX_RETRY_S = 30;

/**
 * Forecasts when an engine that is down will accept work again: at its next start, plus the time that loading last
 * took.
 */
export class ReturnForecast {
  #loadMs: number;
  #backMs = 0;

  /** @param loadMs how long loading took in the start that has just succeeded */
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

/** Detects work that makes no progress. */
export class Watchdog {
  readonly #timeoutMs: number | null;
  #progress = 0;
  /** Time of the last progress, or of the start of the work; null if there is no work. */
  #stalledSinceMs: number | null = null;

  /** @param timeoutMs null = no limit */
  constructor(timeoutMs: number | null) {
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Must be called at least once a second.
   * @param progress any number that changes with each step of the work
   * @returns true if work has gone without progress for longer than the timeout
   */
  isHung(nowMs: number, hasWork: boolean, progress: number): boolean {
    if (!hasWork) this.#stalledSinceMs = null;
    else if (progress !== this.#progress) this.#stalledSinceMs = nowMs;
    else this.#stalledSinceMs ??= nowMs;
    this.#progress = progress;
    if (this.#stalledSinceMs === null || this.#timeoutMs === null) return false;
    return nowMs - this.#stalledSinceMs >= this.#timeoutMs;
  }
}
