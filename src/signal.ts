// Wakes waiters after a change.

/** A notification reaches only current waiters, so check the state before each wait(). */
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
