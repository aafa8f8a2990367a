// An engine child with the fake model, for testing a supervised engine with real processes
// but without a real model. The config's model path holds the child's behavior as JSON.

import type { EngineConfig } from "../../src/engine/engine-config.ts";
import { ConfigError } from "../../src/errors.ts";
import { EngineChild } from "../../src/process/engine-child.ts";
import { PLAIN_TEXT } from "../../src/protocol/message-parsing.ts";
import { connectToParent, dieWithParent, endNow } from "../../src/runtime/child-process.ts";
import { makeEngine } from "./fake-engine.ts";
import type { FakeTokenizer } from "./fake-model-runner.ts";

export interface FakeBehavior {
  readonly stepDelayMs?: number;
  /** How startup fails. */
  readonly start?: "refuse" | "abort" | "hang";
  /** A prompt with this character crashes the process during a step. */
  readonly deadly?: string;
  /** A text or token with this character crashes the process as soon as it is read. */
  readonly deadlyText?: string;
  /** Vocabulary size to report. */
  readonly vocabSize?: number;
}

/** Command for the child. A behavior (JSON) as a further argument overrides the config's. */
export const FAKE_CHILD = [process.execPath, import.meta.path];

export function fakeConfig(behavior: FakeBehavior = {}): EngineConfig {
  return {
    ...{ modelPath: JSON.stringify(behavior), kvCacheType: "f16", blockSize: 16 },
    ...{
      maxNumSeqs: 16,
      maxNumBatchedTokens: 512,
      maxModelLen: null,
      allowLongMaxModelLen: false,
      numBlocksOverride: null,
      lora: null,
      speculation: null,
    },
    ...{ kvCacheMemoryBytes: null, enablePrefixCaching: true, hashSeed: null, seed: 0n },
    ...{ residencySampleRate: null, policy: "fcfs" },
    ...{ longPrefillTokenThreshold: null, maxNumPartialPrefills: null },
    ...{ targetInterTokenLatencyMs: null, numThreads: 1, cpuAffinity: new Int32Array(0), poll: 0 },
    ...{
      attentionBackend: "auto",
      weightKernels: "packed",
      numGpuLayers: 0,
      chatTemplate: "",
    },
    chatFormat: PLAIN_TEXT,
  };
}

async function startFake({ modelPath }: EngineConfig) {
  const behavior: FakeBehavior = JSON.parse(process.argv[2] ?? modelPath);
  if (behavior.start === "refuse") throw new ConfigError("model_not_found", "there is no model");
  if (behavior.start === "abort") process.abort();
  if (behavior.start === "hang") await new Promise(() => {});
  // Without a delay, the steps would leave the event loop no time to read the socket.
  const { client, runner } = makeEngine({ model: { stepDelayMs: behavior.stepDelayMs ?? 1 } });
  const deadly = behavior.deadly?.charCodeAt(0) ?? -1;
  const run = runner.run.bind(runner);
  runner.run = (plan) => {
    const isDeadly = plan.scheduled.some(({ request }) => request.tokenIds(0).includes(deadly));
    if (isDeadly) process.kill(process.pid, "SIGSEGV");
    return run(plan);
  };
  if (behavior.deadlyText !== undefined) plantDeadlyText(runner.tokenizer, behavior.deadlyText);
  const { info } = client;
  const vocabSize = behavior.vocabSize ?? info.model.vocabSize;
  return Object.assign(client, { info: { ...info, model: { ...info.model, vocabSize } } });
}

/**
 * Makes methods crash on text that contains a crash character. Every call with a client's text or
 * tokens uses one of these methods.
 */
function plantDeadlyText(tokenizer: FakeTokenizer, deadly: string): void {
  const die = () => process.kill(process.pid, "SIGSEGV");
  const encode = tokenizer.encode.bind(tokenizer);
  tokenizer.encode = async (text, ...rest) => {
    if (text.includes(deadly)) die();
    return encode(text, ...rest);
  };
  const renderChat = tokenizer.renderChat.bind(tokenizer);
  tokenizer.renderChat = async (request) => {
    if (request.json.includes(deadly)) die();
    return renderChat(request);
  };
  const tokenBytes = tokenizer.tokenBytes.bind(tokenizer);
  tokenizer.tokenBytes = (id) => {
    if (id === deadly.charCodeAt(0)) die();
    return tokenBytes(id);
  };
}

if (import.meta.main) {
  dieWithParent();
  await EngineChild.run({
    connect: connectToParent,
    startEngine: startFake,
    availableBytes: null,
    onEnd: (fault) => {
      if (fault !== null) console.error(fault);
      endNow();
    },
  });
}
