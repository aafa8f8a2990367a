// The calls of an engine: what is asked of it and answered once. A new call is declared here and done in
// engine/engine-calls.ts; whatever stands between passes it on by its name.

import type { ChatTemplateRequest } from "./chat-template-request.ts";

/** 0 = paused only, 1 = KV freed and device weights in host memory, 2 = both dropped. */
export type SleepLevel = 0 | 1 | 2;

/** Requests in progress when a sleep begins: end with "abort"; finish first; go on after the wake-up. */
export const SLEEP_MODES = ["abort", "wait", "keep"] as const;
export type SleepMode = (typeof SLEEP_MODES)[number];

/** What can be woken by itself. */
export const WAKE_TAGS = ["weights", "kv_cache"] as const;
export type WakeTag = (typeof WAKE_TAGS)[number];

export interface EngineCalls {
  /** @param maxTokens a longer text yields maxTokens + 1 ids; null = no limit, the default */
  encode(text: string, addSpecial: boolean, maxTokens?: number | null): Promise<Int32Array>;
  decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string>;
  /** The bytes of single tokens, for token strings. */
  tokenBytes(tokenIds: Int32Array): Promise<Uint8Array[]>;
  /** Text of single tokens as the vocabulary spells them. */
  tokenEntries(tokenIds: Int32Array): Promise<string[]>;
  /** The prompt that a chat's template makes, as text. */
  renderChat(request: ChatTemplateRequest): Promise<string>;
  /** The same prompt as token ids. @param maxTokens as in encode() */
  encodeChat(request: ChatTemplateRequest, maxTokens?: number | null): Promise<Int32Array>;
  /**
   * Gives memory up; requests added from now on wait. Deepens a lighter sleep, leaves a deeper one.
   * @returns the level in effect
   * @throws EngineError "engine_sleep_failed": the engine is as it was before
   */
  sleep(level: SleepLevel, mode: SleepMode): Promise<SleepLevel>;
  /**
   * Restores what the tags name; requests go on once everything is back.
   * @throws EngineError "engine_sleep_failed": it sleeps on and can be woken again
   */
  wakeUp(tags: readonly WakeTag[]): Promise<void>;
  /** True until everything is back. */
  isSleeping(): Promise<boolean>;
  /**
   * Forgets all cached prefixes.
   * @param preemptRunning running requests give their blocks back first and are computed again
   * @returns false, with nothing changed, when blocks are in use
   */
  resetPrefixCache(preemptRunning: boolean): Promise<boolean>;
}

export type EngineCallName = keyof EngineCalls;

/**
 * "suspect": hands a client's text or tokens to native code, which may die of them. "step-gap": done between
 * steps, perhaps only after requests have ended. "question": answered from what the engine knows.
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

/** What a call resolves to. */
export type CallResult<N extends EngineCallName> = Awaited<ReturnType<EngineCalls[N]>>;

/** @returns calls that are each made through `send`, which never throws synchronously */
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
