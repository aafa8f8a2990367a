// Arbitrary bytes on the channel between the front and the engine process must yield messages or a
// ChannelError, in bounded time and memory. Inputs that caused failures belong in corpus/frames.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ChannelError } from "../../src/process/channel/bytes.ts";
import { FrameSplitter, frameHead } from "../../src/process/channel/frames.ts";
import { decodeMessage, encodeMessage } from "../../src/process/channel/messages.ts";
import { NO_STATS } from "../../src/protocol/stats.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import { corpusAt, FUZZ_SECONDS, FUZZ_SEED, FUZZ_TIMEOUT_MS } from "../support/fuzz-run.ts";
import { Prng } from "../support/prng.ts";

type Message = Parameters<typeof encodeMessage>[0];

const entry = { tokenId: 65, logprob: -0.5, rank: 1, bytes: Uint8Array.of(65) };
const position = { chosen: entry, top: [entry, { ...entry, tokenId: 66 }] };
const timeline = { queuedS: 1, scheduledS: 2, firstTokenS: null, lastTokenS: null };

const MESSAGES: readonly Message[] = [
  {
    type: "call",
    id: 6,
    name: "add",
    args: [
      {
        requestIds: ["1-0", "1-1"],
        prompt: Int32Array.of(1, 2, 3),
        samplingParams: { ...DEFAULT_SAMPLING_PARAMS, n: 2, stop: ["é"], seed: 5n },
        mustFit: true,
        priority: 0,
        cacheSalt: "salt",
      },
    ],
  },
  { type: "abort", requestIds: ["1-0", "2"] },
  { type: "call", id: 7, name: "encode", args: ["some text", true] },
  { type: "result", id: 7, value: [Uint8Array.of(1, 2), Int32Array.of(3), null, -1.5, { a: "b" }] },
  { type: "progress", share: 0.5 },
  { type: "log", line: "a line\n" },
  {
    type: "outputs",
    message: {
      timestampS: 3.5,
      outputs: [
        {
          requestId: "1-0",
          text: "Ä",
          parts: [
            { kind: "reasoning", text: "a" },
            { kind: "text", text: "Ä" },
            { kind: "tool_call", index: 0, name: "f" },
            { kind: "arguments", index: 0, text: "{" },
          ],
          numReasoningTokens: 1,
          predictionTokens: null,
          promptProgress: null,
          tokenIds: [65, 66],
          tokenTimesS: [1, 2],
          logprobs: [position, position],
          promptLogprobs: [position],
          finishReason: "stop",
          stopReason: "x",
          numPromptTokens: 17,
          numCachedTokens: 16,
          numPreemptions: 1,
          isCorrupted: false,
          timeline,
        },
      ],
      stats: NO_STATS,
    },
  },
];

function framed(message: Message): Uint8Array {
  const body = encodeMessage(message);
  return Buffer.concat([frameHead(body.length), body]);
}

function readCorpus(): Uint8Array[] {
  const folder = corpusAt("frames");
  return readdirSync(folder).map((name) => readFileSync(join(folder, name)));
}

const NUMBERS = [0, 1, 0x7f, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000000, 0x0fffffff];

function mutate(bytes: Uint8Array, prng: Prng): Uint8Array {
  const at = prng.int(0, bytes.length);
  const copy = Uint8Array.from(bytes);
  switch (prng.int(0, 5)) {
    case 0:
      return copy.subarray(0, at);
    case 1:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(Math.max(0, at - 9))]);
    case 2:
      return Buffer.concat([copy.subarray(0, at), copy.subarray(at + prng.int(1, 8))]);
    case 3:
      if (at + 4 > copy.length) return copy;
      new DataView(copy.buffer).setUint32(at, NUMBERS[prng.int(0, 8)] ?? 0, true);
      return copy;
    default:
      if (at < copy.length) copy[at] = prng.int(0, 255);
      return copy;
  }
}

/** Feeds the bytes in random pieces. @returns the number of messages */
function receive(bytes: Uint8Array, prng: Prng): number {
  const splitter = new FrameSplitter();
  let numMessages = 0;
  try {
    for (let at = 0; at < bytes.length; ) {
      const end = at + prng.int(1, 200);
      for (const frame of splitter.push(bytes.subarray(at, end))) {
        decodeMessage(frame);
        numMessages++;
      }
      at = end;
    }
  } catch (error) {
    if (!(error instanceof ChannelError)) throw error;
  }
  return numMessages;
}

test(
  "bytes on the channel yield messages or a ChannelError",
  () => {
    const prng = new Prng(FUZZ_SEED);
    const corpus = [...MESSAGES.map(framed), ...readCorpus()];
    expect(MESSAGES.map((message) => receive(framed(message), prng))).toEqual(
      MESSAGES.map(() => 1),
    );
    const end = performance.now() + FUZZ_SECONDS * 1000;
    let numRuns = 0;
    let numMessages = 0;
    let input: Uint8Array = new Uint8Array(0);
    try {
      while (performance.now() < end) {
        input = corpus[numRuns % corpus.length] ?? input;
        for (let i = prng.int(numRuns < corpus.length ? 0 : 1, 4); i > 0; i--)
          input = mutate(input, prng);
        numMessages += receive(input, prng);
        numRuns++;
      }
    } catch (cause) {
      const which = `PAGODA_FUZZ_SEED=${FUZZ_SEED}, run ${numRuns}`;
      throw new Error(`${which}: ${Buffer.from(input).toString("base64")}`, { cause });
    }
    console.log(`frames: ${numRuns} runs, ${numMessages} messages`);
    expect(numRuns).toBeGreaterThan(corpus.length);
  },
  FUZZ_TIMEOUT_MS,
);
