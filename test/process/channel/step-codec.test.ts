// The message for a step passes through the channel with all its fields.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { ByteReader, ByteWriter, ChannelError } from "../../../src/process/channel/bytes.ts";
import { decodeMessage, encodeMessage } from "../../../src/process/channel/messages.ts";
import { readOutputs, writeOutputs } from "../../../src/process/channel/step-codec.ts";
import type { MessagePart } from "../../../src/protocol/message-part.ts";
import type { EngineOutputs } from "../../../src/protocol/protocol.ts";
import { FINISH_REASONS } from "../../../src/request/request-status.ts";

const count = fc.nat(2 ** 31 - 1);
const text = fc.string({ unit: "grapheme" });
const number = fc.double({ noNaN: true });
const seconds = fc.double({ noNaN: true });
const mark = fc.option(seconds);
const tokenId = fc.integer({ min: -1, max: 2 ** 31 - 1 });
const entry = fc.record({ tokenId, logprob: number, rank: tokenId, bytes: fc.uint8Array() });
const positions = fc.option(
  fc.array(fc.record({ chosen: entry, top: fc.array(entry, { maxLength: 3 }) }), { maxLength: 3 }),
);
const part: fc.Arbitrary<MessagePart> = fc.oneof(
  fc.record({ kind: fc.constantFrom("text" as const, "reasoning" as const), text }),
  fc.record({ kind: fc.constant("tool_call" as const), index: count, name: text }),
  fc.record({ kind: fc.constant("arguments" as const), index: count, text }),
);
const output = fc.record({
  requestId: text,
  text,
  parts: fc.option(fc.array(part)),
  numReasoningTokens: count,
  predictionTokens: fc.option(fc.record({ numAccepted: count, numRejected: count }), { nil: null }),
  promptProgress: fc.option(fc.record({ numComputedTokens: count, elapsedS: seconds })),
  tokenIds: fc.array(tokenId),
  tokenTimesS: fc.array(seconds),
  logprobs: positions,
  promptLogprobs: positions,
  finishReason: fc.option(fc.constantFrom(...FINISH_REASONS)),
  stopReason: fc.option(fc.oneof(text, tokenId)),
  numPromptTokens: count,
  numCachedTokens: count,
  numPreemptions: count,
  isCorrupted: fc.boolean(),
  timeline: fc.record({ queuedS: seconds, scheduledS: mark, firstTokenS: mark, lastTokenS: mark }),
});
const eviction = fc.record({ lifetimeS: number, idleS: number, reuseGapsS: fc.array(number) });
const message: fc.Arbitrary<EngineOutputs> = fc.record({
  timestampS: seconds,
  outputs: fc.array(output, { maxLength: 5 }),
  stats: fc.record({
    ...{ numRunningReqs: count, numWaitingReqs: count, numDeferredReqs: count },
    kvCacheUsage: number,
    prefixCache: fc.record({ requests: fc.maxSafeNat(), queries: fc.maxSafeNat(), hits: count }),
    ...{ numPreemptedReqs: count, numScheduledTokens: count },
    ...{ forwardMs: number, samplingMs: number },
    blockEvictions: fc.array(eviction, { maxLength: 3 }),
    specDecode: fc.option(
      fc.record({
        ...{ numDrafts: count, numDraftTokens: count, numAcceptedTokens: count },
        acceptedPerPos: fc.array(tokenId),
      }),
    ),
    adapters: fc.option(
      fc.record({ running: fc.array(fc.string()), waiting: fc.array(fc.string()) }),
    ),
  }),
});

function bytesOf(value: EngineOutputs): Uint8Array {
  const writer = new ByteWriter();
  writeOutputs(writer, value);
  return writer.take();
}

test("a step arrives unchanged", () => {
  fc.assert(
    fc.property(message, (value) => {
      const frame = encodeMessage({ type: "outputs", message: value });
      expect(decodeMessage(frame)).toEqual({ type: "outputs", message: value });
    }),
  );
});

test("rejects a message that is truncated at any position", () => {
  fc.assert(
    fc.property(message, fc.double({ min: 0, max: 1, maxExcluded: true }), (value, share) => {
      const bytes = bytesOf(value);
      const cut = bytes.subarray(0, Math.floor(share * bytes.length));
      expect(() => readOutputs(new ByteReader(cut))).toThrow(ChannelError);
    }),
  );
});
