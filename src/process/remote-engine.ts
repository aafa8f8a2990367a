// A client for an engine in another process, for the lifetime of that process. If the process crashes, all requests
// end with an error output, and all calls are refused.

import type { Connect } from "../byte-socket.ts";
import type { EngineConfig, EngineHost } from "../engine/engine-config.ts";
import { EngineError, engineDead } from "../errors.ts";
import { callsThrough, type EngineCalls } from "../protocol/engine-calls.ts";
import type {
  EngineClient,
  EngineInfo,
  EngineOutputs,
  EngineRequest,
} from "../protocol/protocol.ts";
import { Channel } from "./channel/channel.ts";
import { type ErrorRecord, errorOf } from "./channel/error-record.ts";
import {
  type CallName,
  type ChannelCalls,
  decodeMessage,
  type EngineMessage,
  encodeMessage,
  type FrontMessage,
  waitsForStepGap,
} from "./channel/messages.ts";
import { LiveSequences } from "./live-sequences.ts";

export type RemoteEngineHost = Pick<EngineHost, "onLoadProgress" | "log">;

interface PendingCall {
  readonly name: CallName;
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** Whether work is outstanding, and a counter that changes as work gets done. */
export interface Duty {
  readonly isDue: boolean;
  readonly numDone: number;
}

/** If there are more unsent bytes than this, the process counts as hung and gets no more calls. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

export class RemoteEngine implements EngineClient {
  readonly #died = Promise.withResolvers<Error>();
  readonly died = this.#died.promise;
  readonly calls: EngineCalls = {
    ...callsThrough((name, args) => this.#call(name, args)),
    sleep: (...args) => this.#changeSleep(() => this.#call("sleep", args)),
    wakeUp: (...args) => this.#changeSleep(() => this.#call("wakeUp", args)),
  };
  readonly live = new LiveSequences();
  readonly #host: RemoteEngineHost;
  readonly #pending = new Map<number, PendingCall>();
  readonly #started = Promise.withResolvers<EngineInfo>();
  #channel: Channel | null = null;
  #info: EngineInfo | null = null;
  #listener: (message: EngineOutputs) => void = () => {};
  #death: Error | null = null;
  #nextCallId = 0;
  #numSteps = 0;
  #numAnswers = 0;
  #isAsleep = false;
  #numSleepChanges = 0;

  private constructor(host: RemoteEngineHost) {
    this.#host = host;
  }

  /** @throws the error that the engine failed to start with; EngineError "engine_dead" if its process exited */
  static async start(
    connect: Connect,
    config: EngineConfig,
    host: RemoteEngineHost,
  ): Promise<RemoteEngine> {
    const engine = new RemoteEngine(host);
    engine.#channel = await Channel.open(connect, {
      onFrame: (frame) => engine.#handle(decodeMessage(frame) as EngineMessage),
      onDrained: () => {},
      onClose: (fault) => engine.#end(fault ?? new Error("its process has ended")),
    });
    engine.#send({ type: "start", config });
    engine.#info = await engine.#started.promise;
    return engine;
  }

  get info(): EngineInfo {
    if (this.#info === null) throw new EngineError("engine_dead", "The engine has not started.");
    return this.#info;
  }

  get isDead(): boolean {
    return this.#death !== null;
  }

  get unavailable(): EngineError | null {
    if (this.#death !== null) return engineDead(this.#death);
    if ((this.#channel?.unsentBytes ?? 0) <= MAX_UNSENT_BYTES) return null;
    return new EngineError("engine_restarting", "The engine is not responding. Retry later.");
  }

  async add(request: EngineRequest): Promise<Int32Array> {
    const reply = this.#call("add", [request]);
    this.live.add(request);
    try {
      const promptTokenIds = await reply;
      this.live.setPromptLength(request, promptTokenIds.length);
      return promptTokenIds;
    } catch (error) {
      this.live.delete(request);
      throw error;
    }
  }

  abort(requestIds: readonly string[]): void {
    this.#sendAbort("abort", requestIds);
  }

  abortQueued(requestIds: readonly string[]): void {
    this.#sendAbort("abortQueued", requestIds);
  }

  onOutputs(listener: (message: EngineOutputs) => void): void {
    this.#listener = listener;
  }

  onRestart(): void {}

  /** Resolves when the engine has shut down and the channel is closed. */
  async shutdown(): Promise<void> {
    if (this.#death !== null) return;
    await this.#call("shutdown", []).catch(() => {});
    this.#channel?.close();
  }

  /** Due while requests wait for a step, unless the engine is asleep. */
  get steps(): Duty {
    const isDue = this.live.size > 0 && !this.#isAsleep && this.#numSleepChanges === 0;
    return { isDue, numDone: this.#numSteps };
  }

  /** Due while calls that do not depend on a step wait for a result. */
  get answers(): Duty {
    const isDue = [...this.#pending.values()].some(({ name }) => !waitsForStepGap(name));
    return { isDue, numDone: this.#numAnswers };
  }

  /** Ends the engine as if its process had crashed with `cause`. */
  abandon(cause: Error): void {
    this.#end(cause);
    this.#channel?.close();
  }

  #sendAbort(type: "abort" | "abortQueued", requestIds: readonly string[]): void {
    const live = requestIds.filter((id) => this.live.has(id));
    if (live.length > 0) this.#send({ type, requestIds: live });
  }

  async #changeSleep<T>(change: () => Promise<T>): Promise<T> {
    this.#numSleepChanges++;
    try {
      return await change();
    } finally {
      this.#isAsleep = await this.calls.isSleeping().catch(() => false);
      this.#numSleepChanges--;
    }
  }

  #call<N extends CallName>(
    name: N,
    args: Parameters<ChannelCalls[N]>,
  ): Promise<Awaited<ReturnType<ChannelCalls[N]>>> {
    const { promise, resolve, reject } = Promise.withResolvers<never>();
    const refusal = this.unavailable;
    if (refusal !== null) reject(refusal);
    else {
      const id = this.#nextCallId++;
      this.#pending.set(id, { name, resolve, reject });
      this.#sendCall(id, name, args, reject);
    }
    return promise;
  }

  #sendCall(id: number, name: CallName, args: unknown[], reject: (error: unknown) => void): void {
    // The channel has no undefined: an optional argument without a value is left out.
    const numGiven = args.findLastIndex((arg) => arg !== undefined) + 1;
    try {
      this.#send({ type: "call", id, name, args: args.slice(0, numGiven) });
    } catch (error) {
      this.#pending.delete(id);
      reject(error);
    }
  }

  #send(message: FrontMessage): void {
    this.#channel?.send(encodeMessage(message));
  }

  #handle(message: EngineMessage): void {
    switch (message.type) {
      case "outputs":
        this.#numSteps++;
        this.live.record(message.message);
        this.#listener(message.message);
        break;
      case "result":
        this.#takeCall(message.id)?.resolve(message.value as never);
        break;
      case "refusal":
        this.#takeCall(message.id)?.reject(errorOf(message.error));
        break;
      case "ready":
        this.#started.resolve(message.info);
        break;
      case "failed":
        this.#started.reject(errorOf(message.error));
        break;
      case "progress":
        this.#host.onLoadProgress(message.share);
        break;
      case "log":
        this.#host.log(message.line);
        break;
      case "died":
        this.#end(new EngineFault(message.error));
        break;
    }
  }

  #takeCall(id: number): PendingCall | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    this.#numAnswers++;
    return call;
  }

  #end(cause: Error): void {
    if (this.#death !== null) return;
    this.#death = cause;
    const message = this.live.end();
    if (this.#info !== null) this.#listener(message);
    for (const { reject } of this.#pending.values()) reject(engineDead(cause));
    this.#pending.clear();
    this.#started.reject(engineDead(cause));
    this.#started.promise.catch(() => {});
    this.#died.resolve(cause);
  }
}

/** An error that caused an engine to stop by itself. */
export class EngineFault extends Error {
  constructor({ name, message, stack }: ErrorRecord) {
    super(`${name}: ${message}`);
    if (stack !== null) this.stack = stack;
  }
}
