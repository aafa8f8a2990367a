// A queue of jobs that must not overlap a step. The engine's loop runs them between steps, one at a time, in call
// order.

/** Work to do before the job itself. */
export interface Preparation {
  /**
   * Called once, as soon as all earlier jobs are done, even while a step is in flight. The loop waits for the
   * returned promise between two steps. If it rejects, the job is not run.
   */
  readonly begin: () => Promise<void>;
  /** Called before each step after begin(). Until this returns true, steps continue and later jobs wait. */
  readonly isReady: () => boolean;
}

interface Job extends Preparation {
  begun: Promise<void> | null;
  readonly run: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

const NONE: Preparation = { begin: async () => {}, isReady: () => true };

export class StepGap {
  /** Queued jobs; the first one has begun. */
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

  /**
   * @returns a promise that settles like the one from `work`, or rejects if `work` cannot begin or the loop ends first
   */
  queue<T>(work: () => Promise<T>, preparation: Preparation = NONE): Promise<T> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const run = () => work().then(resolve, reject);
    this.#jobs.push({ ...preparation, begun: null, run, fail: reject });
    this.#beginFirst();
    this.#onQueued();
    return promise;
  }

  /** Waits until the first job has begun. @returns true if that job is ready to run */
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

  /** Runs the first job. */
  async runNext(): Promise<void> {
    await this.#jobs[0]?.run();
    this.#endFirst();
  }

  /** Rejects queued and future jobs, because the loop has ended. */
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
    job.begun.catch(() => {}); // prepareNext() reports it
  }
}
