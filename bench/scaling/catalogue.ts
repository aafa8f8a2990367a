// The scaling checks by number, and those that cannot run yet.

import { BenchError } from "../bench-error.ts";
import {
  cachedBlocks,
  cachingWithoutHits,
  longRun,
  preemptions,
  promptLength,
  runningSequences,
  waitingQueue,
} from "./bookkeeping-checks.ts";
import {
  chunkSize,
  contextLength,
  residentSequences,
  rowsPerPass,
  shuffledBlocks,
  threads,
} from "./model-checks.ts";

export const SCALING: Readonly<Record<string, () => Promise<void>>> = {
  S1: runningSequences,
  S2: contextLength,
  S3: residentSequences,
  S4: shuffledBlocks,
  S5: cachedBlocks,
  S6: waitingQueue,
  S7: promptLength,
  S8: cachingWithoutHits,
  S9: chunkSize,
  S10: rowsPerPass,
  S12: longRun,
  S13: preemptions,
  S14: threads,
};

const NOT_YET: Readonly<Record<string, string>> = {
  S11: "needs a client with thousands of connections, which is not built yet",
};

/** @throws BenchError */
export function scalingCheck(word: string): () => Promise<void> {
  const check = SCALING[word];
  if (check !== undefined) return check;
  const reason = NOT_YET[word];
  if (reason !== undefined) throw new BenchError(`${word} ${reason}`);
  const known = Object.keys(SCALING).join(", ");
  throw new BenchError(`unknown scaling check ${word}; there are: ${known}`);
}
