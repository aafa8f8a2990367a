// Identifies a repeated call by the request and the text it is about. The seed does not count: it changes
// what is generated, but hardly what a kernel does. Neither do the sender and the priority.

import { createHash } from "node:crypto";
import type { EngineClient } from "../protocol/protocol.ts";
import { ByteWriter } from "./channel/bytes.ts";
import { writeRecord } from "./channel/record-codec.ts";

/** Engine calls that hand a client's text or tokens to native code. */
export type SuspectCall =
  | "add"
  | "encode"
  | "decode"
  | "tokenBytes"
  | "tokenEntries"
  | "applyChatTemplate";

/** SHA-256, hexadecimal. */
export type SuspectHash = string;

/** @throws RequestError "invalid_value" for values nested too deeply */
export function suspectHash<N extends SuspectCall>(
  name: N,
  args: Parameters<EngineClient[N]>,
): SuspectHash {
  const writer = new ByteWriter();
  writeRecord(writer, [name, ...args.map(withoutSender)]);
  return createHash("sha256").update(writer.take()).digest("hex");
}

function withoutSender(arg: Parameters<EngineClient[SuspectCall]>[number]): unknown {
  if (typeof arg !== "object" || arg === null || !("samplingParams" in arg)) return arg;
  const { prompt, samplingParams } = arg;
  return { prompt, params: { ...samplingParams, seed: null } };
}
