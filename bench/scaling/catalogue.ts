// The scaling checks by number.

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
import { idleConnections } from "./connection-checks.ts";
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
  S11: idleConnections,
  S12: longRun,
  S13: preemptions,
  S14: threads,
};

/** @throws BenchError */
export function scalingCheck(word: string): () => Promise<void> {
  const check = SCALING[word];
  if (check !== undefined) return check;
  const known = Object.keys(SCALING).join(", ");
  throw new BenchError(`unknown scaling check ${word}; known: ${known}`);
}
