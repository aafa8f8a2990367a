// Calls to an engine, each with one result. To add a call, declare it here and implement it in
// engine/engine-calls.ts; everything in between forwards calls by name.

import type { AdapterRef } from "../request/adapter.ts";
import type { ChatTemplateRequest } from "./chat-template-request.ts";

/** 0 = paused only, 1 = KV cache freed and device weights moved to host memory, 2 = both discarded. */
export type SleepLevel = 0 | 1 | 2;

/** Treatment of requests in progress: abort them, wait for them, or keep them until the wake-up. */
export const SLEEP_MODES = ["abort", "wait", "keep"] as const;
export type SleepMode = (typeof SLEEP_MODES)[number];

/** Parts that can be woken separately. */
export const WAKE_TAGS = ["weights", "kv_cache"] as const;
export type WakeTag = (typeof WAKE_TAGS)[number];

export interface EngineCalls {
  /** @param maxTokens longer text yields maxTokens + 1 ids; absent = no limit */
  encode(text: string, addSpecial: boolean, maxTokens?: number): Promise<Int32Array>;
  decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string>;
  /** @returns the bytes of each token, for token strings */
  tokenBytes(tokenIds: Int32Array): Promise<Uint8Array[]>;
  /** @returns each token as spelled in the vocabulary */
  tokenEntries(tokenIds: Int32Array): Promise<string[]>;
  /** Renders a chat's prompt from its template. @returns the prompt as text */
  renderChat(request: ChatTemplateRequest): Promise<string>;
  /** Renders and tokenizes a chat's prompt. @param maxTokens as in encode() */
  encodeChat(request: ChatTemplateRequest, maxTokens?: number): Promise<Int32Array>;
  /**
   * Releases memory and makes new requests wait. Raises a lower sleep level; a higher one stays.
   * @returns the level in effect
   * @throws EngineError "engine_sleep_failed": the engine is unchanged
   */
  sleep(level: SleepLevel, mode: SleepMode): Promise<SleepLevel>;
  /**
   * Restores the parts named by the tags; requests continue once everything is restored.
   * @throws EngineError "engine_sleep_failed": the engine is still asleep, and the call can be retried
   */
  wakeUp(tags: readonly WakeTag[]): Promise<void>;
  /** True until everything is restored. */
  isSleeping(): Promise<boolean>;
  /**
   * Discards all cached prefixes.
   * @param preemptRunning whether to preempt running requests first; they free their blocks and are recomputed
   * @returns false, with nothing changed, if blocks are in use
   */
  resetPrefixCache(preemptRunning: boolean): Promise<boolean>;
  /**
   * Loads an adapter. It stays loaded if there is room next to the adapters that requests need. A
   * request for an adapter that is not loaded, such as after a restart of the engine, loads it
   * automatically.
   * @throws RequestError "adapter_not_found" or "adapter_refused"; EngineError "engine_adapter_failed" if memory runs
   *   out
   */
  loadAdapter(adapter: AdapterRef): Promise<void>;
  /** Frees an adapter's memory once no request uses it. @param key AdapterRef.key */
  removeAdapter(key: string): Promise<void>;
}

export type EngineCallName = keyof EngineCalls;

/**
 * "suspect": passes a client's text or tokens to native code, which could crash on them. "step-gap": runs
 * between steps, possibly only after requests have finished. "question": reads the engine's state.
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
  loadAdapter: "step-gap",
  removeAdapter: "question",
} as const satisfies Record<EngineCallName, CallKind>;

/** Value that a call resolves to. */
export type CallResult<N extends EngineCallName> = Awaited<ReturnType<EngineCalls[N]>>;

/** @param send must not throw synchronously @returns calls that are all made through `send` */
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
