// Work that must not meet a step in flight: queued by callers, done by the engine's loop between two
// steps, one after the other in the order of the calls.

/** What must come before the work itself. */
export interface Preparation {
  /**
   * Called once, as soon as everything queued earlier has been done; a step may be in flight then. The
   * loop waits for it between two steps. A rejection ends the work.
   */
  readonly begin: () => Promise<void>;
  /** Asked after begin(), before each step; until it holds, steps go on and later work waits. */
  readonly isReady: () => boolean;
}

interface Job extends Preparation {
  begun: Promise<void> | null;
  readonly run: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

const NONE: Preparation = { begin: async () => {}, isReady: () => true };

export class StepGap {
  /** The first one is the one that has begun. */
  readonly #jobs: Job[] = [];
  readonly #onQueued: () => void;
  #closed: Error | null = null;

  /** @param onQueued wakes the loop */
  constructor(onQueued: () => void) {
    this.#onQueued = onQueued;
  }

  get isEmpty(): boolean {
    return this.#jobs.length === 0;
  }

  /** Settles as `work` does, or rejects when it cannot begin or the loop ends first. */
  queue<T>(work: () => Promise<T>, preparation: Preparation = NONE): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = () => work().then(resolve, reject);
    this.#jobs.push({ ...preparation, begun: null, run, fail: reject });
    this.#beginFirst();
    this.#onQueued();
    return promise;
  }

  /** Waits until the first job has begun. @returns whether it waits for nothing any more */
  async prepareNext(): Promise<boolean> {
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      try {
        await job.begun;
        return job.isReady();
      } catch (error) {
        job.fail(error);
        this.#endFirst();
      }
    }
    return false;
  }

  /** Does the first job. */
  async runNext(): Promise<void> {
    await this.#jobs[0]?.run();
    this.#endFirst();
  }

  /** The loop has ended: what waits, and what comes, rejects. */
  close(error: Error): void {
    this.#closed = error;
    for (const job of this.#jobs.splice(0)) job.fail(error);
  }

  #endFirst(): void {
    this.#jobs.shift();
    this.#beginFirst();
  }

  #beginFirst(): void {
    const [job] = this.#jobs;
    if (job === undefined || job.begun !== null) return;
    job.begun = job.begin();
    job.begun.catch(() => {}); // prepareNext() tells of it
  }
}
