// Implements the calls that the in-process engine accepts. Calls that must not overlap a step are queued for the step
// gap.

import type { EngineCalls } from "../protocol/engine-calls.ts";
import type { Tokenizer } from "../runner/tokenizer.ts";
import type { Scheduler } from "../scheduler/scheduler.ts";
import type { AdapterLoader } from "./adapter-loader.ts";
import type { EngineSleep } from "./engine-sleep.ts";
import type { StepGap } from "./step-gap.ts";

export interface CallTargets {
  readonly tokenizer: Tokenizer;
  readonly scheduler: Scheduler;
  readonly gap: StepGap;
  readonly sleep: EngineSleep;
  readonly loader: AdapterLoader;
  /** Aborts all requests except those that arrived during a pause. */
  readonly abortAllButHeld: () => void;
}

export function engineCalls(targets: CallTargets): EngineCalls {
  return { ...textCalls(targets.tokenizer), ...operatorCalls(targets), ...adapterCalls(targets) };
}

function textCalls(tokenizer: Tokenizer) {
  return {
    encode: (text, addSpecial, maxTokens) => tokenizer.encode(text, addSpecial, true, maxTokens),
    decode: (tokenIds, skipSpecial) => tokenizer.decode(tokenIds, skipSpecial),
    tokenBytes: async (tokenIds) => Array.from(tokenIds, (id) => tokenizer.tokenBytes(id).slice()),
    tokenEntries: async (tokenIds) => Array.from(tokenIds, (id) => tokenizer.tokenEntry(id)),
    renderChat: (request) => tokenizer.renderChat(request),
    encodeChat: (request, maxTokens) => tokenizer.encodeChat(request, maxTokens),
  } satisfies Partial<EngineCalls>;
}

function adapterCalls({ loader }: CallTargets) {
  return {
    loadAdapter: (adapter) => loader.load(adapter),
    removeAdapter: async (key) => loader.remove(key),
  } satisfies Partial<EngineCalls>;
}

function operatorCalls({ scheduler, gap, sleep, abortAllButHeld }: CallTargets) {
  return {
    sleep: (level, mode) =>
      gap.queue(() => sleep.sleep(level), {
        begin: async () => {
          if (mode !== "keep") sleep.holdArrivals();
          await sleep.check(level);
          if (mode === "abort") abortAllButHeld();
        },
        isReady: () => mode === "keep" || !scheduler.hasWork,
      }),
    wakeUp: (tags) => gap.queue(() => sleep.wakeUp(tags)),
    isSleeping: async () => sleep.isSleeping,
    resetPrefixCache: (preemptRunning) =>
      gap.queue(async () => {
        if (preemptRunning) scheduler.preemptAll();
        return scheduler.kvCache.pool.resetPrefixCache();
      }),
  } satisfies Partial<EngineCalls>;
}
