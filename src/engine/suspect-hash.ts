// What makes two calls the same one, made again: what is asked for and the text it is asked of. A seed does
// not: it changes what is generated, hardly what a kernel does. Nor does who asks, and how urgently.

import { createHash } from "node:crypto";
import { ByteWriter } from "./channel/bytes.ts";
import { writeRecord } from "./channel/record-codec.ts";
import type { EngineClient } from "./protocol.ts";

/** Calls of an engine that hand a client's text or tokens to native code. */
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
