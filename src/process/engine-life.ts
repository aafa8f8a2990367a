// One run of an engine process, from its start to its exit or crash.

import type { Connect } from "../byte-socket.ts";
import type { EngineConfig } from "../engine/engine-config.ts";
import { EngineError, stackOf } from "../errors.ts";
import { EngineFault, RemoteEngine, type RemoteEngineHost } from "./remote-engine.ts";
import { Watchdog } from "./supervisor.ts";

/** A process that runs an EngineChild. */
export interface EngineProcess {
  readonly pid: number;
  readonly connect: Connect;
  /** Resolves to the cause of the process's exit, such as "SIGSEGV" or "exit code 1". */
  readonly exited: Promise<string>;
  /** Kills the process immediately, no matter what it is doing. */
  kill(): void;
}

/** Loading reports progress even from a slow disk, so a lack of reports for this long means that loading has hung. */
const LOAD_TIMEOUT_MS = 600_000;
const WATCH_INTERVAL_MS = 500;

export class EngineLife {
  readonly pid: number;
  /**
   * Rejects with the error that the engine failed to start with, or EngineError "engine_dead" if its process exited.
   */
  readonly ready: Promise<RemoteEngine>;
  /** Resolves to the reason, for the log, when the process has exited. */
  readonly ended: Promise<string>;
  readonly #process: EngineProcess;
  readonly #stepTimeoutMs: number | null;
  readonly #loading = new Watchdog(LOAD_TIMEOUT_MS);
  readonly #steps: Watchdog;
  readonly #answers: Watchdog;
  readonly #watch: Timer;
  #engine: RemoteEngine | null = null;
  #numProgress = 0;
  #killedFor: string | null = null;

  /** @param stepTimeoutMs how long work may wait without a step before the engine counts as hung; null = no limit */
  constructor(
    process: EngineProcess,
    config: EngineConfig,
    host: RemoteEngineHost,
    stepTimeoutMs: number | null,
  ) {
    this.#process = process;
    this.#stepTimeoutMs = stepTimeoutMs;
    this.pid = process.pid;
    this.#steps = new Watchdog(stepTimeoutMs);
    this.#answers = new Watchdog(stepTimeoutMs);
    this.ready = this.#start(config, host);
    this.ended = this.#end();
    this.#watch = setInterval(() => this.#lookAfter(performance.now()), WATCH_INTERVAL_MS);
  }

  /** The engine, even after its process has exited; null before it is ready. */
  get engine(): RemoteEngine | null {
    return this.#engine;
  }

  /** @param reason value for `ended` to resolve to; null = the cause of the exit */
  kill(reason: string | null = null): void {
    this.#killedFor ??= reason;
    this.#process.kill();
  }

  async #start(config: EngineConfig, host: RemoteEngineHost): Promise<RemoteEngine> {
    const onLoadProgress = (share: number) => {
      this.#numProgress++;
      host.onLoadProgress(share);
    };
    try {
      const { connect } = this.#process;
      this.#engine = await RemoteEngine.start(connect, config, { ...host, onLoadProgress });
      return this.#engine;
    } catch (error) {
      this.kill();
      const isDead = error instanceof EngineError && error.code === "engine_dead";
      if (!isDead || error.cause === undefined) throw error;
      throw new EngineError("engine_dead", `the engine process ended: ${await this.ended}`);
    }
  }

  /** Waits for the channel to close or the process to exit, whichever comes first, and then ends the other one. */
  async #end(): Promise<string> {
    const { exited } = this.#process;
    const engine = await Promise.race([this.ready.catch(() => null), exited.then(() => null)]);
    const fault = engine === null ? null : await Promise.race([engine.died, exited]);
    this.kill();
    const end = await exited;
    clearInterval(this.#watch);
    engine?.abandon(new Error(end));
    return this.#killedFor ?? (fault instanceof EngineFault ? stackOf(fault) : end);
  }

  #lookAfter(nowMs: number): void {
    const engine = this.#engine;
    if (engine === null) {
      const isHung = this.#loading.isHung(nowMs, true, this.#numProgress);
      if (isHung) this.kill(`hung: no loading progress for ${LOAD_TIMEOUT_MS / 1000} s`);
      return;
    }
    const { steps, answers } = engine;
    const isStepHung = this.#steps.isHung(nowMs, steps.isDue, steps.numDone);
    const isAnswerHung = this.#answers.isHung(nowMs, answers.isDue, answers.numDone);
    if (isStepHung || isAnswerHung) {
      this.kill(`hung: no progress for ${(this.#stepTimeoutMs ?? 0) / 1000} s with work waiting`);
    }
  }
}
