// An engine in its own process, restarted when it crashes or hangs. The front sees a single engine: after a crash,
// requests in progress end with an error, and new requests are refused until the engine is back.

import { setTimeout as sleep } from "node:timers/promises";
import { assert } from "../assert.ts";
import type { EngineConfig } from "../engine/engine-config.ts";
import { EngineError, RequestError, shuttingDown } from "../errors.ts";
import {
  type CallResult,
  callsThrough,
  type EngineCallName,
  type EngineCalls,
} from "../protocol/engine-calls.ts";
import { listIds } from "../protocol/listed-ids.ts";
import type {
  EngineClient,
  EngineInfo,
  EngineOutputs,
  EngineRequest,
} from "../protocol/protocol.ts";
import { type CallName, isSuspect } from "./channel/messages.ts";
import { EngineLife, type EngineProcess } from "./engine-life.ts";
import type { RemoteEngine, RemoteEngineHost } from "./remote-engine.ts";
import { RestartPolicy, ReturnForecast } from "./supervisor.ts";
import { suspectHash } from "./suspect-hash.ts";
import { type Trial, Trials, trialOf } from "./trials.ts";

export interface SupervisedEngineOptions {
  readonly config: EngineConfig;
  readonly host: RemoteEngineHost;
  readonly startProcess: () => EngineProcess;
  /** Number of crashes within ten minutes after which to give up; null = never give up. */
  readonly maxDeaths: number | null;
  /** Time, in ms, that work may wait without a step before the engine counts as hung; null = no limit. */
  readonly stepTimeoutMs: number | null;
}

/** The request fields that a trial needs. */
type SuspectRequest = Pick<EngineRequest, "externalId" | "requestIds">;

interface Started {
  readonly info: EngineInfo;
  readonly loadMs: number;
}

/** Time limit for an orderly shutdown. */
const SHUTDOWN_TIMEOUT_MS = 5_000;

export class SupervisedEngine implements EngineClient {
  readonly info: EngineInfo;
  readonly #died = Promise.withResolvers<Error>();
  readonly died = this.#died.promise;
  readonly calls: EngineCalls = callsThrough((name, args) => this.#call(name, args));
  readonly #options: SupervisedEngineOptions;
  readonly #policy: RestartPolicy;
  readonly #trials = new Trials();
  readonly #forecast: ReturnForecast;
  #life: EngineLife;
  /** True from a crash until the engine is back. */
  #isDown = false;
  /** Reason the engine will never accept work again; null unless it has stopped for good. */
  #end: EngineError | null = null;
  #restart: Timer | undefined;
  #listener: (message: EngineOutputs) => void = () => {};
  #restartListener: () => void = () => {};

  private constructor(options: SupervisedEngineOptions, life: EngineLife, started: Started) {
    this.#options = options;
    this.#policy = new RestartPolicy(options.maxDeaths);
    this.#forecast = new ReturnForecast(started.loadMs);
    this.info = started.info;
    this.#life = life;
    this.#follow(life);
  }

  /** @throws the error that the engine failed to start with, or EngineError "engine_dead" if its process exited */
  static async start(options: SupervisedEngineOptions): Promise<SupervisedEngine> {
    const startMs = performance.now();
    const life = startLife(options, options.config);
    const { info } = await life.ready;
    return new SupervisedEngine(options, life, { info, loadMs: performance.now() - startMs });
  }

  /** Process ID of the engine, which changes with each restart. */
  get pid(): number {
    return this.#life.pid;
  }

  get unavailable(): EngineError | null {
    if (this.#end !== null) return this.#end;
    if (!this.#isDown && this.#engine?.unavailable === null) return null;
    const retryAfterS = this.#forecast.retryAfterS(performance.now());
    const message = "The engine is restarting. Retry later.";
    return new EngineError("engine_restarting", message, { retryAfterS });
  }

  add(request: EngineRequest): Promise<Int32Array> {
    return this.#try("add", [request], (engine) => engine.add(request), request);
  }

  abort(requestIds: readonly string[]): void {
    this.#trials.abort(requestIds);
    this.#engine?.abort(requestIds);
  }

  abortQueued(requestIds: readonly string[]): void {
    this.#trials.abortQueued(requestIds);
    this.#engine?.abortQueued(requestIds);
  }

  onOutputs(listener: (message: EngineOutputs) => void): void {
    this.#listener = listener;
  }

  onRestart(listener: () => void): void {
    this.#restartListener = listener;
  }

  async shutdown(): Promise<void> {
    this.#stop(shuttingDown());
    const ended = this.#engine?.shutdown();
    if (ended !== undefined) await Promise.race([ended, sleep(SHUTDOWN_TIMEOUT_MS)]);
    this.#life.kill();
    await this.#life.ended;
  }

  get #engine(): RemoteEngine | null {
    return this.#life.engine;
  }

  #available(): RemoteEngine {
    const { unavailable } = this;
    const engine = this.#engine;
    if (unavailable !== null) throw unavailable;
    assert(engine !== null, "an engine that is up has no client");
    return engine;
  }

  async #call<N extends EngineCallName>(
    name: N,
    args: Parameters<EngineCalls[N]>,
  ): Promise<CallResult<N>> {
    const send = ({ calls }: RemoteEngine) => {
      const call = calls[name] as (...args: unknown[]) => Promise<CallResult<N>>;
      return call(...args);
    };
    return isSuspect(name) ? this.#try(name, args, send) : send(this.#available());
  }

  /** Makes a call that could crash the engine. */
  async #try<Result>(
    name: CallName,
    args: readonly unknown[],
    send: (engine: RemoteEngine) => Promise<Result>,
    { externalId, requestIds }: SuspectRequest = { externalId: name, requestIds: [] },
  ): Promise<Result> {
    this.#available();
    const trial = trialOf(externalId, suspectHash(name, args), requestIds);
    const turn = this.#trials.arrive(trial);
    if (turn !== null) await turn;
    try {
      const result = await send(this.#available());
      this.#trials.returned(trial);
      return result;
    } catch (error) {
      this.#refused(trial, error);
      throw error;
    }
  }

  /**
   * Ends a refused trial. Calls that failed because of a crash stay open, because they were in progress at the time.
   */
  #refused(trial: Trial, error: unknown): void {
    const isDeath = error instanceof EngineError && error.code === "engine_dead";
    if (!isDeath) this.#trials.refused(trial, error instanceof RequestError);
  }

  #follow(life: EngineLife): void {
    const { engine } = life;
    engine?.onOutputs((message) => {
      if (!engine.isDead) this.#trials.record(message.outputs);
      this.#listener(message);
    });
    void life.ended.then((reason) => this.#afterDeath(engine, reason));
  }

  /** @param engine null if the engine did not start */
  #afterDeath(engine: RemoteEngine | null, reason: string): void {
    if (this.#end !== null) return;
    const nowMs = performance.now();
    const { running } = this.#trials;
    const loss = running.length === 0 ? "" : `, in progress: ${listIds(running)}`;
    this.#trials.recordDeath(nowMs);
    const wasUseful = (engine?.live.numFinished ?? 0) > 0;
    const delayMs = this.#policy.delayAfterDeath(nowMs, wasUseful);
    if (delayMs === null) {
      this.#stop(new EngineError("engine_dead", "The engine has stopped."));
      const count = `it crashed ${this.#options.maxDeaths} times in ten minutes`;
      this.#died.resolve(new EngineError("engine_dead", `${count}, last crash: ${reason}`));
      return;
    }
    this.#isDown = true;
    this.#forecast.startsAt(nowMs + delayMs);
    const when = delayMs === 0 ? "now" : `in ${delayMs / 1000} s`;
    if (this.unavailable !== null) this.#trials.refuseWaiting(this.unavailable);
    this.#options.host.log(`the engine crashed (${reason})${loss}; restarting ${when}`);
    this.#restart = setTimeout(() => void this.#startAgain(), delayMs);
  }

  async #startAgain(): Promise<void> {
    const startMs = performance.now();
    try {
      const life = this.#newLife();
      const { info } = await life.ready.finally(() => this.#follow(life));
      if (isOtherModel(info, this.info)) life.kill("the file now contains a different model");
      else this.#comeBack(performance.now() - startMs);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#options.host.log(`the engine cannot start: ${text}`);
    }
  }

  #newLife(): EngineLife {
    const { numBlocks, maxModelLen } = this.info;
    // The front has published these values, so they stay fixed regardless of how much memory is free now.
    const pinned = { ...this.#options.config, numBlocksOverride: numBlocks, maxModelLen };
    try {
      this.#life = startLife(this.#options, pinned);
      return this.#life;
    } catch (error) {
      // No process was created (the system is out of memory or descriptors), so nothing else will report the failure.
      this.#afterDeath(null, "its process could not be created");
      throw error;
    }
  }

  #comeBack(afterMs: number): void {
    if (this.#end !== null) return;
    this.#isDown = false;
    this.#forecast.hasLoaded(afterMs);
    this.#options.host.log(`the engine is back after ${(afterMs / 1000).toFixed(1)} s`);
    this.#restartListener();
  }

  #stop(reason: EngineError): void {
    this.#end = reason;
    this.#trials.refuseWaiting(reason);
    clearTimeout(this.#restart);
  }
}

function startLife(options: SupervisedEngineOptions, config: EngineConfig): EngineLife {
  return new EngineLife(options.startProcess(), config, options.host, options.stepTimeoutMs);
}

/** @returns true if the model differs from the published one, in which case tokens and lengths would not match */
function isOtherModel({ model: now }: EngineInfo, { model: before }: EngineInfo): boolean {
  const keys = ["architecture", "name", "weightBytes", "vocabSize", "numLayers"] as const;
  return keys.some((key) => now[key] !== before[key]);
}
