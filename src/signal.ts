// Wakes waiters when something has changed.

/** A notification reaches those who wait already, so check the state before each wait(). */
export class Signal {
  #next: PromiseWithResolvers<void> | null = null;

  /** Resolves at the next notify(). */
  wait(): Promise<void> {
    this.#next ??= Promise.withResolvers();
    return this.#next.promise;
  }

  notify(): void {
    this.#next?.resolve();
    this.#next = null;
  }
}
