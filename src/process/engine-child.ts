// The child-process side of a RemoteEngine: starts the configured engine, executes calls, and sends outputs. The
// process exits when the channel closes, because nothing else keeps it alive.

import type { Connect } from "../byte-socket.ts";
import type { EngineConfig, EngineHost } from "../engine/engine-config.ts";
import { JoinedOutputs } from "../protocol/joined-outputs.ts";
import type { EngineClient, EngineOutputs } from "../protocol/protocol.ts";
import { ChannelError } from "./channel/bytes.ts";
import { Channel } from "./channel/channel.ts";
import { errorRecord } from "./channel/error-record.ts";
import {
  type ChannelCalls,
  decodeMessage,
  type EngineMessage,
  encodeMessage,
  type FrontMessage,
  waitsForStepGap,
} from "./channel/messages.ts";

export interface EngineChildOptions {
  readonly connect: Connect;
  readonly startEngine: (config: EngineConfig, host: EngineHost) => Promise<EngineClient>;
  readonly availableBytes: number | null;
  /** Called once, at the end, when the channel has closed. @param fault null if the front closed the channel */
  readonly onEnd: (fault: Error | null) => void;
}

type CallMessage = Extract<FrontMessage, { type: "call" }>;

/**
 * While there are more unsent bytes than this, the outputs of further steps are joined until the bytes have been sent.
 */
const MAX_UNSENT_BYTES = 256 * 1024;
/** Smallest change in the loaded fraction that is worth reporting. */
const PROGRESS_STEP = 0.01;

export class EngineChild {
  readonly #options: EngineChildOptions;
  #channel: Channel | null = null;
  #client: EngineClient | null = null;
  #calls: ChannelCalls | null = null;
  /** Outputs that could not be sent yet. */
  readonly #backlog = new JoinedOutputs();

  private constructor(options: EngineChildOptions) {
    this.#options = options;
  }

  static async run(options: EngineChildOptions): Promise<void> {
    const child = new EngineChild(options);
    child.#channel = await Channel.open(options.connect, {
      onFrame: (frame) => child.#handle(decodeMessage(frame) as FrontMessage),
      onDrained: () => child.#sendBacklog(),
      onClose: options.onEnd,
    });
  }

  #handle(message: FrontMessage): void {
    if (message.type === "start") {
      void this.#start(message.config);
      return;
    }
    const client = this.#client;
    const calls = this.#calls;
    if (client === null || calls === null)
      throw new ChannelError(`"${message.type}" before the engine was started`);
    switch (message.type) {
      case "abort":
      case "abortQueued":
        client[message.type](message.requestIds);
        break;
      case "call":
        void this.#call(calls, message);
        break;
    }
  }

  async #start(config: EngineConfig): Promise<void> {
    const { startEngine, availableBytes } = this.#options;
    try {
      const host = {
        availableBytes,
        onLoadProgress: this.#progress(),
        log: (line: string) => this.#send({ type: "log", line }),
      };
      const client = await startEngine(config, host);
      this.#client = client;
      this.#calls = callsOf(client);
      client.onOutputs((message) => this.#sendOutputs(message));
      client.died.then((error) => this.#send({ type: "died", error: errorRecord(error) }));
      this.#send({ type: "ready", info: client.info });
    } catch (error) {
      this.#send({ type: "failed", error: errorRecord(error) });
    }
  }

  #progress(): (share: number) => void {
    let reported = 0;
    return (share) => {
      if (share < reported + PROGRESS_STEP) return;
      reported = share;
      this.#send({ type: "progress", share });
    };
  }

  async #call(calls: ChannelCalls, { id, name, args }: CallMessage): Promise<void> {
    try {
      if (!Object.hasOwn(calls, name)) throw new ChannelError(`unknown call "${name}"`);
      const call = calls[name] as (...args: readonly unknown[]) => Promise<unknown>;
      const value = (await call(...args)) ?? null;
      // Sends the outputs of the requests that a sleep or a shutdown has ended before its result. Other results are as
      // frequent as requests; a front that has fallen behind should not get outputs with each of them.
      if (waitsForStepGap(name)) this.#sendBacklog();
      this.#send({ type: "result", id, value });
    } catch (error) {
      this.#send({ type: "refusal", id, error: errorRecord(error) });
    }
  }

  #sendOutputs(message: EngineOutputs): void {
    const isBehind = (this.#channel?.unsentBytes ?? 0) > MAX_UNSENT_BYTES;
    if (isBehind || !this.#backlog.isEmpty) this.#backlog.add(message);
    else this.#send({ type: "outputs", message });
  }

  #sendBacklog(): void {
    const message = this.#backlog.take();
    if (message !== null) this.#send({ type: "outputs", message });
  }

  #send(message: EngineMessage): void {
    this.#channel?.send(encodeMessage(message));
  }
}

function callsOf(client: EngineClient): ChannelCalls {
  const { calls } = client;
  return { ...calls, add: (request) => client.add(request), shutdown: () => client.shutdown() };
}
