// What makes two requests the same one, sent again: the prompt and what is to be done with it. A seed
// does not: it changes what is generated, hardly what a kernel does.

import { createHash } from "node:crypto";
import { ByteWriter } from "./channel/bytes.ts";
import { writeRecord } from "./channel/record-codec.ts";
import type { EngineRequest } from "./protocol.ts";

/** SHA-256, hexadecimal. */
export type SuspectHash = string;

export function suspectHash({ prompt, samplingParams }: EngineRequest): SuspectHash {
  const writer = new ByteWriter();
  writeRecord(writer, { prompt, params: { ...samplingParams, seed: null } });
  return createHash("sha256").update(writer.take()).digest("hex");
}
