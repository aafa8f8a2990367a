// Runs the program in its own terminal, as a user would.

import { MAIN } from "./run-pagoda.ts";

export class TerminalProgram {
  readonly #process: Bun.Subprocess;
  #text = "";
  /** Offset from which the next wait searches. */
  #seen = 0;

  constructor(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const { PATH = "", HOME = "" } = process.env;
    const decoder = new TextDecoder();
    this.#process = Bun.spawn([process.execPath, MAIN, ...words], {
      env: { PATH, HOME, TERM: "xterm", ...env },
      terminal: {
        cols: 100,
        rows: 30,
        data: (_, bytes) => {
          this.#text += decoder.decode(bytes, { stream: true });
        },
      },
    });
  }

  get exited(): Promise<number> {
    return this.#process.exited;
  }

  /** All output so far, including control sequences. */
  get text(): string {
    return this.#text;
  }

  type(keys: string): void {
    this.#process.terminal?.write(keys);
  }

  /** Waits until this text is shown, after the previous match. */
  async until(shown: string): Promise<void> {
    for (let i = 0; i < 1000; i++) {
      const at = this.#text.indexOf(shown, this.#seen);
      if (at >= 0) {
        this.#seen = at + shown.length;
        return;
      }
      await Bun.sleep(10); // polls another process
    }
    throw new Error(`${JSON.stringify(shown)} did not appear in ${JSON.stringify(this.#text)}`);
  }

  kill(): void {
    this.#process.kill("SIGKILL");
    this.#process.terminal?.close();
  }
}
