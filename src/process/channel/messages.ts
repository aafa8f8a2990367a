// Messages between a front and an engine in another process. The outputs of a step have their own
// encoding; all other messages are records.

import type { EngineConfig } from "../../engine/engine-config.ts";
import { type CallKind, ENGINE_CALL_KINDS, type EngineCalls } from "../../protocol/engine-calls.ts";
import type { EngineClient, EngineInfo, EngineOutputs } from "../../protocol/protocol.ts";
import { ByteReader, ByteWriter, ChannelError } from "./bytes.ts";
import type { ErrorRecord } from "./error-record.ts";
import { readRecord, writeRecord } from "./record-codec.ts";
import { readOutputs, writeOutputs } from "./step-codec.ts";

/** Calls that cross the channel: the calls that every engine has, plus add and shutdown. */
export interface ChannelCalls extends EngineCalls, Pick<EngineClient, "add" | "shutdown"> {}
export type CallName = keyof ChannelCalls;

const CALL_KINDS = {
  ...ENGINE_CALL_KINDS,
  add: "suspect",
  shutdown: "step-gap",
} satisfies Record<CallName, CallKind>;

/** @returns true if the call passes a client's text or tokens to native code, which they could crash */
export function isSuspect(name: CallName): boolean {
  return CALL_KINDS[name] === "suspect";
}

/** @returns true if the call runs between steps, possibly not until requests have finished */
export function waitsForStepGap(name: CallName): boolean {
  return CALL_KINDS[name] === "step-gap";
}

export type FrontMessage =
  /** The first message that the front sends. */
  | { readonly type: "start"; readonly config: EngineConfig }
  | { readonly type: "abort" | "abortQueued"; readonly requestIds: readonly string[] }
  /** The engine replies with "result" or "refusal" and the same id. */
  | {
      readonly type: "call";
      readonly id: number;
      readonly name: CallName;
      readonly args: readonly unknown[];
    };

export type EngineMessage =
  /** Fraction of the model that has been loaded, in [0, 1]. */
  | { readonly type: "progress"; readonly share: number }
  /** A line for the log. */
  | { readonly type: "log"; readonly line: string }
  /** Reply to "start" if the engine started; otherwise, the reply is "failed". */
  | { readonly type: "ready"; readonly info: EngineInfo }
  | { readonly type: "failed"; readonly error: ErrorRecord }
  | { readonly type: "outputs"; readonly message: EngineOutputs }
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | { readonly type: "refusal"; readonly id: number; readonly error: ErrorRecord }
  /** The last message, sent if the engine has stopped by itself. */
  | { readonly type: "died"; readonly error: ErrorRecord };

const RECORD = 0;
const OUTPUTS = 1;

const writer = new ByteWriter();

/** @throws RequestError "invalid_value" for values nested too deeply */
export function encodeMessage(message: FrontMessage | EngineMessage): Uint8Array {
  try {
    if (message.type === "outputs") {
      writer.u8(OUTPUTS);
      writeOutputs(writer, message.message);
    } else {
      writer.u8(RECORD);
      writeRecord(writer, message);
    }
    return writer.take();
  } finally {
    writer.clear();
  }
}

/** @throws ChannelError */
export function decodeMessage(frame: Uint8Array): FrontMessage | EngineMessage {
  const reader = new ByteReader(frame);
  const kind = reader.u8();
  if (kind !== RECORD && kind !== OUTPUTS) throw new ChannelError(`unknown message kind ${kind}`);
  // Both sides are the same version of the same program, so the record's shape is not checked.
  const message =
    kind === OUTPUTS
      ? ({ type: "outputs", message: readOutputs(reader) } as const)
      : (readRecord(reader) as FrontMessage | EngineMessage);
  reader.end();
  return message;
}
