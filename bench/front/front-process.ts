// Starts, queries and stops a front end that runs on top of a stub engine.

import { BenchError } from "../bench-error.ts";
import { countChild } from "../measure.ts";
import { cpuSecondsOf } from "../servers/proc.ts";
import { FRONT_PROGRAM } from "./front-program.ts";
import type { LagFigures } from "./loop-lag.ts";
import type { StubOptions } from "./stub-engine.ts";

export interface FrontFigures {
  /** Lag of the front end's event loop since the last query, or since the start. */
  readonly lag: LagFigures;
  readonly residentBytes: number;
}

export class FrontProcess {
  readonly url: string;
  readonly #child: Bun.Subprocess;
  readonly #replies: Replies;

  private constructor(url: string, child: Bun.Subprocess, replies: Replies) {
    this.url = url;
    this.#child = child;
    this.#replies = replies;
  }

  /** @param words command-line options for `serve` */
  static async start(stub: StubOptions, words: readonly string[] = []): Promise<FrontProcess> {
    const replies = new Replies();
    const child = Bun.spawn([...FRONT_PROGRAM, JSON.stringify(stub), ...words], {
      stdio: ["ignore", "ignore", "inherit"],
      ipc: (message) => replies.take(message),
      onExit: () => replies.end(),
    });
    const { url } = (await replies.next()) as { url: string };
    return new FrontProcess(url, child, replies);
  }

  figures(): Promise<FrontFigures> {
    this.#child.send("figures");
    return this.#replies.next() as Promise<FrontFigures>;
  }

  async stop(): Promise<void> {
    countChild(cpuSecondsOf(this.#child.pid));
    this.#child.kill();
    await this.#child.exited;
  }
}

/** Messages from the child process, one at a time. */
class Replies {
  #waiting: PromiseWithResolvers<unknown> | null = null;

  next(): Promise<unknown> {
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  take(message: unknown): void {
    this.#waiting?.resolve(message);
  }

  end(): void {
    this.#waiting?.reject(new BenchError("the front end exited"));
  }
}
