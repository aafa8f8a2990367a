// Calls of an engine: each is answered once. A new call is declared here and implemented in
// engine/engine-calls.ts; everything in between forwards it by name.

import type { ChatTemplateRequest } from "./chat-template-request.ts";

/** 0 = paused only, 1 = KV freed and device weights in host memory, 2 = both dropped. */
export type SleepLevel = 0 | 1 | 2;

/** How a sleep treats requests in progress: aborts them, waits for them, or keeps them until the wake-up. */
export const SLEEP_MODES = ["abort", "wait", "keep"] as const;
export type SleepMode = (typeof SLEEP_MODES)[number];

/** Parts that can be woken separately. */
export const WAKE_TAGS = ["weights", "kv_cache"] as const;
export type WakeTag = (typeof WAKE_TAGS)[number];

export interface EngineCalls {
  /** @param maxTokens a longer text yields maxTokens + 1 ids; absent = no limit */
  encode(text: string, addSpecial: boolean, maxTokens?: number): Promise<Int32Array>;
  decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string>;
  /** The bytes of single tokens, for token strings. */
  tokenBytes(tokenIds: Int32Array): Promise<Uint8Array[]>;
  /** The text of single tokens as spelled in the vocabulary. */
  tokenEntries(tokenIds: Int32Array): Promise<string[]>;
  /** The prompt rendered from a chat's template, as text. */
  renderChat(request: ChatTemplateRequest): Promise<string>;
  /** The same prompt as token ids. @param maxTokens as in encode() */
  encodeChat(request: ChatTemplateRequest, maxTokens?: number): Promise<Int32Array>;
  /**
   * Releases memory; requests added from now on wait. Raises a lower sleep level; a higher one stays.
   * @returns the level in effect
   * @throws EngineError "engine_sleep_failed": the engine is unchanged
   */
  sleep(level: SleepLevel, mode: SleepMode): Promise<SleepLevel>;
  /**
   * Restores the parts that the tags name; requests continue once everything is restored.
   * @throws EngineError "engine_sleep_failed": still asleep, and can be retried
   */
  wakeUp(tags: readonly WakeTag[]): Promise<void>;
  /** True until everything is restored. */
  isSleeping(): Promise<boolean>;
  /**
   * Discards all cached prefixes.
   * @param preemptRunning whether running requests free their blocks first and are recomputed
   * @returns false, with nothing changed, if blocks are in use
   */
  resetPrefixCache(preemptRunning: boolean): Promise<boolean>;
}

export type EngineCallName = keyof EngineCalls;

/**
 * "suspect": passes a client's text or tokens to native code, which could crash on them. "step-gap": runs
 * between steps, possibly only after requests have ended. "question": answered from the engine's state.
 */
export type CallKind = "suspect" | "step-gap" | "question";

export const ENGINE_CALL_KINDS = {
  encode: "suspect",
  decode: "suspect",
  tokenBytes: "suspect",
  tokenEntries: "suspect",
  renderChat: "suspect",
  encodeChat: "suspect",
  sleep: "step-gap",
  wakeUp: "step-gap",
  isSleeping: "question",
  resetPrefixCache: "step-gap",
} as const satisfies Record<EngineCallName, CallKind>;

/** Value that a call resolves to. */
export type CallResult<N extends EngineCallName> = Awaited<ReturnType<EngineCalls[N]>>;

/** @param send never throws synchronously @returns calls that are all made through `send` */
export function callsThrough(
  send: <N extends EngineCallName>(
    name: N,
    args: Parameters<EngineCalls[N]>,
  ) => Promise<CallResult<N>>,
): EngineCalls {
  const callOf =
    <N extends EngineCallName>(name: N) =>
    (...args: Parameters<EngineCalls[N]>) =>
      send(name, args);
  const names = Object.keys(ENGINE_CALL_KINDS) as EngineCallName[];
  return Object.fromEntries(names.map((name) => [name, callOf(name)])) as unknown as EngineCalls;
}
