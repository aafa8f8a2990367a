// Sends a stream's output every few tokens, as vLLM does with --stream-interval. Fewer events cost less on both sides.
// A sequence's first and last tokens are not delayed.

import type { OutputStream, SequenceOutput } from "../front/output-stream.ts";
import { type JoinedOutput, joinedOutput, joinOutput } from "../protocol/joined-outputs.ts";

/** @param interval tokens per output, >= 1 @returns `stream` itself if every output is sent immediately */
export function everyTokens(stream: OutputStream, interval: number): OutputStream {
  if (interval === 1) return stream;
  return {
    promptTokenIds: stream.promptTokenIds,
    abort: () => stream.abort(),
    [Symbol.asyncIterator]: () => joined(stream, interval),
  };
}

async function* joined(
  outputs: AsyncIterable<SequenceOutput>,
  interval: number,
): AsyncGenerator<SequenceOutput> {
  /** Each sequence's waiting output; null = the sequence has sent all of its output. */
  const waiting = new Map<number, (SequenceOutput & JoinedOutput) | null>();
  for await (const output of outputs) {
    const { index, tokenIds, finishReason } = output;
    if (tokenIds.length === 0 && finishReason === null) {
      yield output; // progress of the prompt
      continue;
    }
    const isFirst = !waiting.has(index);
    const kept = waiting.get(index) ?? null;
    if (kept !== null) joinOutput(kept, output);
    const ready = kept ?? joinedOutput(output);
    const isSent = isFirst || finishReason !== null || ready.tokenIds.length >= interval;
    waiting.set(index, isSent ? null : ready);
    if (isSent) yield ready;
  }
}
