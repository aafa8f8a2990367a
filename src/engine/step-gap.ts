// Work that must not meet a step in flight: queued by callers, done by the engine's loop between two
// steps, one after the other in the order of the calls.

interface Job {
  readonly isReady: () => boolean;
  readonly run: () => Promise<void>;
  readonly fail: (error: Error) => void;
}

export class StepGap {
  readonly #jobs: Job[] = [];
  readonly #onQueued: () => void;
  #closed: Error | null = null;

  /** @param onQueued wakes the loop */
  constructor(onQueued: () => void) {
    this.#onQueued = onQueued;
  }

  /**
   * Settles as `work` does, or rejects when the loop ends first.
   * @param isReady asked before each step; until it holds, steps go on and later work waits
   */
  queue<T>(work: () => Promise<T>, isReady: () => boolean = () => true): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#jobs.push({ isReady, run: () => work().then(resolve, reject), fail: reject });
    this.#onQueued();
    return promise;
  }

  /** Whether the first job waits for nothing but its turn. */
  get isReady(): boolean {
    return this.#jobs[0]?.isReady() ?? false;
  }

  /** Does the first job. */
  async runNext(): Promise<void> {
    await this.#jobs.shift()?.run();
  }

  /** The loop has ended: what waits, and what comes, rejects. */
  close(error: Error): void {
    this.#closed = error;
    for (const job of this.#jobs.splice(0)) job.fail(error);
  }
}
