// The engine's end of the channel when the front reads messages slowly, late, or never.

import { expect, test } from "bun:test";
import type { SocketEvents } from "../../src/byte-socket.ts";
import { FrameSplitter, frameHead } from "../../src/process/channel/frames.ts";
import {
  decodeMessage,
  type EngineMessage,
  encodeMessage,
  type FrontMessage,
} from "../../src/process/channel/messages.ts";
import { EngineChild } from "../../src/process/engine-child.ts";
import type { EngineClient, EngineOutputs, RequestOutput } from "../../src/protocol/protocol.ts";
import { NO_STATS } from "../../src/protocol/stats.ts";
import { INFO } from "../metrics/fixtures.ts";
import { fakeConfig } from "../support/fake-engine-child.ts";
import { settled } from "../support/waiting.ts";

const KIB = 1024;

function output(token: number, textLength: number): RequestOutput {
  return {
    ...{ requestId: "a", text: "x".repeat(textLength), tokenIds: [token], tokenTimesS: [token] },
    ...{ logprobs: null, promptLogprobs: null, finishReason: null, stopReason: null },
    ...{ parts: null, numReasoningTokens: 0, predictionTokens: null, promptProgress: null },
    ...{ numPromptTokens: 1, numCachedTokens: 0, numPreemptions: 0, isCorrupted: false },
    timeline: { queuedS: 0, scheduledS: 0, firstTokenS: 0, lastTokenS: token },
  };
}

/** A child whose engine and socket are controlled by the test. */
async function open() {
  let events: SocketEvents | undefined;
  let room = Number.POSITIVE_INFINITY;
  let report: (message: EngineOutputs) => void = () => {};
  let numEnds = 0;
  const splitter = new FrameSplitter();
  const messages: EngineMessage[] = [];
  const write = (bytes: Uint8Array) => {
    const taken = bytes.subarray(0, room);
    room -= taken.length;
    for (const frame of splitter.push(taken)) {
      messages.push(decodeMessage(frame) as EngineMessage);
    }
    return taken.length;
  };
  const client = {
    ...{ info: INFO, died: new Promise(() => {}) },
    onOutputs: (listener: typeof report) => {
      report = listener;
    },
    calls: { sleep: async () => 1 },
    add: async () => Int32Array.of(65),
  } as unknown as EngineClient;
  await EngineChild.run({
    connect: async (given) => {
      events = given;
      return { write, close: () => {} };
    },
    startEngine: async () => client,
    availableBytes: null,
    onEnd: () => numEnds++,
  });
  const say = (message: FrontMessage) => {
    const frame = encodeMessage(message);
    events?.onData(frameHead(frame.length));
    events?.onData(frame);
  };
  say({ type: "start", config: fakeConfig() });
  await settled();
  return {
    messages,
    say,
    ends: () => numEnds,
    closeSocket: () => events?.onClose(),
    receive: (bytes: Uint8Array) => events?.onData(bytes),
    /** Reports a step that sampled `token`. */
    step: async (token: number) => {
      report({ timestampS: token, outputs: [output(token, 100 * KIB)], stats: NO_STATS });
      await Promise.resolve();
    },
    makeRoom: (bytes: number) => {
      room = bytes;
      events?.onDrain();
    },
  };
}

const tokensOf = (messages: readonly EngineMessage[]) =>
  messages.flatMap((one) =>
    one.type === "outputs" ? [one.message.outputs.flatMap(({ tokenIds }) => tokenIds)] : [],
  );

test("merges outputs that a slow front has not read yet, and delivers them in order", async () => {
  const child = await open();
  await child.step(1);
  child.makeRoom(0);
  for (let token = 2; token <= 6; token++) await child.step(token);
  child.makeRoom(200 * KIB);
  await child.step(7);
  child.makeRoom(Number.POSITIVE_INFINITY);
  await Promise.resolve();
  await child.step(8);
  expect(child.messages[0]?.type).toBe("ready");
  expect(tokensOf(child.messages)).toEqual([[1], [2], [3], [4], [5, 6, 7], [8]]);
});

test("replies to a sleep call only after sending all earlier outputs", async () => {
  const child = await open();
  child.makeRoom(0);
  for (let token = 1; token <= 5; token++) await child.step(token);
  child.say({ type: "call", id: 7, name: "sleep", args: [1, "abort"] });
  await settled();
  child.makeRoom(Number.POSITIVE_INFINITY);
  expect(tokensOf(child.messages).flat()).toEqual([1, 2, 3, 4, 5]);
  expect(child.messages.at(-1)).toEqual({ type: "result", id: 7, value: 1 });
});

test("new requests do not bypass the limit on unread frames", async () => {
  const child = await open();
  child.makeRoom(0);
  for (let token = 1; token <= 5; token++) await child.step(token);
  child.say({ type: "call", id: 7, name: "add", args: [{}] });
  await settled();
  await child.step(6);
  child.makeRoom(Number.POSITIVE_INFINITY);
  await Promise.resolve();
  expect(tokensOf(child.messages)).toEqual([[1], [2], [3], [4, 5, 6]]);
  expect(child.messages.at(-2)).toEqual({ type: "result", id: 7, value: Int32Array.of(65) });
});

test("exits when the channel closes, and on invalid messages from the front", async () => {
  const left = await open();
  left.closeSocket();
  expect(left.ends()).toBe(1);
  const confused = await open();
  confused.receive(Uint8Array.of(...frameHead(1), 77));
  expect(confused.ends()).toBe(1);
});
