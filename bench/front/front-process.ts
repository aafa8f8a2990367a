// The bench's handle of a front over a stub engine.

import { BenchError } from "../bench-error.ts";
import { countChild } from "../measure.ts";
import { cpuSecondsOf } from "../servers/proc.ts";
import { FRONT_PROGRAM } from "./front-program.ts";
import type { LagFigures } from "./loop-lag.ts";
import type { StubOptions } from "./stub-engine.ts";

export interface FrontFigures {
  /** Lag of its event loop, since the last query or the start. */
  readonly lag: LagFigures;
  readonly residentBytes: number;
}

export class FrontProcess {
  readonly url: string;
  readonly #child: Bun.Subprocess;
  readonly #answers: Answers;

  private constructor(url: string, child: Bun.Subprocess, answers: Answers) {
    this.url = url;
    this.#child = child;
    this.#answers = answers;
  }

  /** @param words options of `serve` */
  static async start(stub: StubOptions, words: readonly string[] = []): Promise<FrontProcess> {
    const answers = new Answers();
    const child = Bun.spawn([...FRONT_PROGRAM, JSON.stringify(stub), ...words], {
      stdio: ["ignore", "ignore", "inherit"],
      ipc: (message) => answers.take(message),
      onExit: () => answers.end(),
    });
    const { url } = (await answers.next()) as { url: string };
    return new FrontProcess(url, child, answers);
  }

  figures(): Promise<FrontFigures> {
    this.#child.send("figures");
    return this.#answers.next() as Promise<FrontFigures>;
  }

  async stop(): Promise<void> {
    countChild(cpuSecondsOf(this.#child.pid));
    this.#child.kill();
    await this.#child.exited;
  }
}

/** Messages from the child, one at a time. */
class Answers {
  #waiting: PromiseWithResolvers<unknown> | null = null;

  next(): Promise<unknown> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  take(message: unknown): void {
    this.#waiting?.resolve(message);
  }

  end(): void {
    this.#waiting?.reject(new BenchError("the front has exited"));
  }
}
