// A complete engine with the fake model, and an app in front of it.

import { DEFAULT_ANSWER_OPTIONS } from "../../src/api/answer-options.ts";
import { ResponseStore } from "../../src/api/responses/response-store.ts";
import { InProcessEngine } from "../../src/engine/in-process-engine.ts";
import { endOfReasoning } from "../../src/formats/reasoning-formats.ts";
import { AdapterRegistry } from "../../src/front/adapter-registry.ts";
import { Front, type FrontOptions } from "../../src/front/front.ts";
import { type ChatFormat, PLAIN_TEXT } from "../../src/protocol/message-parsing.ts";
import { NEUTRAL_SAMPLING } from "../../src/request/sampling-params.ts";
import type { SchedulerConfig } from "../../src/scheduler/scheduler.ts";
import { createApp } from "../../src/server/app.ts";
import { ANY_ORIGIN, Cors } from "../../src/server/cors.ts";
import { DEFAULT_LIMITS, type ServerContext } from "../../src/server/server-context.ts";
import { makeProposer } from "../../src/speculation/make-proposer.ts";
import type { SpeculationConfig } from "../../src/speculation/speculation-config.ts";
import { FAKE_EOS, type FakeModelOptions, FakeModelRunner } from "./fake-model-runner.ts";
import { makeScheduler } from "./make-request.ts";

export interface FakeEngineOptions {
  readonly model?: Partial<FakeModelOptions>;
  readonly scheduler?: Partial<SchedulerConfig>;
  readonly engine?: FrontOptions;
  readonly chatFormat?: ChatFormat;
  readonly templateIgnoresTools?: boolean;
  /** Speculative decoding, with as many drafts as fit. */
  readonly speculation?: SpeculationConfig;
  /** The engine's clock. */
  readonly nowMs?: () => number;
}

/** Scheduler, model, and facts for constructing an engine. */
export function makeEngineParts(options: FakeEngineOptions = {}) {
  const numBlocks = options.scheduler?.numBlocks ?? 129;
  const blockSize = options.scheduler?.blockSize ?? 16;
  const maxModelLen = options.scheduler?.maxModelLen ?? 1024;
  const runner = new FakeModelRunner({ numBlocks, blockSize, ...options.model });
  const scheduler = makeScheduler({
    eosTokenIds: [FAKE_EOS],
    ...options.scheduler,
    numBlocks,
    blockSize,
    maxModelLen,
  });
  const info = {
    model: runner.info,
    memory: runner.memory(),
    chatFormat: options.chatFormat ?? PLAIN_TEXT,
    templateIgnoresTools: options.templateIgnoresTools ?? false,
    formatTokens: [],
    maxModelLen,
    maxNumSeqs: options.scheduler?.maxNumSeqs ?? 16,
    maxNumBatchedTokens: options.scheduler?.maxNumBatchedTokens ?? 512,
    blockSize,
    numBlocks,
    enablePrefixCaching: options.scheduler?.enablePrefixCaching ?? true,
    kvCacheType: "f16",
    kvCacheMemoryBytes: null,
    numBlocksOverride: numBlocks,
    numSpeculativeTokens: options.speculation?.numSpeculativeTokens ?? 0,
    maxLoras: options.scheduler?.adapterLimits?.maxLoras ?? 0,
  };
  return { scheduler, runner, info };
}

export function makeEngine(options: FakeEngineOptions = {}) {
  const { scheduler, runner, info } = makeEngineParts(options);
  const client = new InProcessEngine({
    ...{ info, scheduler, runner, seed: 0n },
    proposer: options.speculation ? makeProposer(options.speculation) : null,
    endOfReasoning: [...Buffer.from(endOfReasoning(info.chatFormat))],
    ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }),
  });
  const engine = new Front(client, options.engine);
  return { engine, client, scheduler, runner };
}

export function makeContext(front: Front, context: Partial<ServerContext> = {}) {
  return {
    front,
    servedModelNames: ["tiny"],
    adapters: new AdapterRegistry({
      ...{ calls: front.calls, isEnabled: front.info.maxLoras > 0 },
      ...{ modelNames: ["tiny"], allowedPaths: [] },
    }),
    allowsLoraUpdates: false,
    modelRoot: "tiny.gguf",
    apiKeys: [],
    apiKeyScope: "all",
    hosts: null,
    cors: new Cors(ANY_ORIGIN),
    rootPath: "",
    responseStore: new ResponseStore({ maxBytes: 2 ** 20, ttlMs: 60_000, nowMs: front.nowMs }),
    memory: null,
    version: "0.13.0",
    maxLogprobs: 20,
    samplingDefaults: NEUTRAL_SAMPLING,
    limits: DEFAULT_LIMITS,
    metricsText: async () => "",
    logFault: () => {},
    requestLog: null,
    recordHttp: () => {},
    trustsRequestTemplates: false,
    templateVariables: {},
    contentFormat: null,
    excludesUnusedTools: false,
    thinkingTokenBudget: null,
    warn: () => {},
    isDevMode: false,
    tracksLoad: false,
    answers: DEFAULT_ANSWER_OPTIONS,
    sendsRequestIds: false,
    tokenizerInfo: null,
    servesDocs: true,
    isSleepEnabled: false,
    createdS: 1_700_000_000,
    keepAliveMs: 10_000,
    isDraining: () => false,
    ...context,
  } satisfies ServerContext;
}

export function makeApp(options: FakeEngineOptions = {}, context: Partial<ServerContext> = {}) {
  const parts = makeEngine(options);
  const app = createApp(makeContext(parts.engine, context));
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    app.handle(
      new Request(`http://localhost${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    );
  return { ...parts, app, post };
}

/** Parsed data of each event; "[DONE]" stays a string. */
export async function readEvents(response: Response): Promise<unknown[]> {
  const text = await response.text();
  const data = text.split("\n\n").filter((event) => event.startsWith("data: "));
  return data.map((event) => {
    const payload = event.slice("data: ".length);
    return payload === "[DONE]" ? payload : JSON.parse(payload);
  });
}
