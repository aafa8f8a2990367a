// Formats that models use for reasoning, by vLLM's names for --reasoning-parser. The names "apertus", "apriel",
// "cohere", "muse_glimmer" and "solar_open" are Pagoda's own.

import type { ChatFormat, ReasoningParser } from "../protocol/message-parsing.ts";
import { layoutOf } from "./message-layouts.ts";

export interface ReasoningFormat {
  /** Marker before the reasoning. A prompt can end with it. */
  readonly start: string;
  readonly end: string;
  /** Markers around the content; absent = none. Models can leave them out. */
  readonly frame?: { readonly start: string; readonly end?: string };
}

const THINK: ReasoningFormat = { start: "<think>", end: "</think>" };

export const REASONING_FORMATS: Readonly<Record<ReasoningParser, ReasoningFormat>> = {
  apertus: { start: "<|inner_prefix|>", end: "<|inner_suffix|>" },
  apriel: {
    ...{ start: "Here are my reasoning steps:", end: "[BEGIN FINAL RESPONSE]" },
    frame: { start: "[BEGIN FINAL RESPONSE]", end: "[END FINAL RESPONSE]" },
  },
  cohere: { start: "<|START_THINKING|>", end: "<|END_THINKING|>" },
  deepseek_r1: THINK,
  deepseek_v3: THINK,
  ernie45: THINK,
  gemma4: { start: "<|channel>thought\n", end: "<channel|>" },
  glm45: THINK,
  glm47: THINK,
  granite: { start: "Here is my thought process:", end: "Here is my response:" },
  holo2: THINK,
  hunyuan_a13b: { ...THINK, frame: { start: "<answer>", end: "</answer>" } },
  hy_v3: { start: "<think:opensource>", end: "</think:opensource>" },
  kimi_k2: THINK,
  kimi_k3: { start: "<|open|>think<|sep|>", end: "<|close|>think<|sep|>" },
  minimax_m2: THINK,
  // Without reasoning, the content follows the end marker.
  minimax_m3: { start: "<mm:think>", end: "</mm:think>", frame: { start: "</mm:think>" } },
  mistral: { start: "[THINK]", end: "[/THINK]" },
  // Read by harmony.ts.
  muse_glimmer: { start: " to=self<|message|>", end: "<|eom|>" },
  nemotron_v3: THINK,
  olmo3: THINK,
  // Read by harmony.ts.
  openai_gptoss: { start: "<|channel|>analysis<|message|>", end: "<|end|>" },
  qwen3: THINK,
  seed_oss: { start: "<seed:think>", end: "</seed:think>" },
  solar_open: { start: "<|think|>", end: "<|end|>" },
  step3: THINK,
  step3p5: THINK,
};

/** Formats in which the output begins with a header. */
const HEADED: readonly ReasoningParser[] = ["muse_glimmer", "openai_gptoss"];

/** @returns the text that cuts reasoning short; "" for a model that does not reason */
export function endOfReasoning(format: ChatFormat): string {
  const { reasoningParser } = format;
  if (reasoningParser === null) return "";
  const { end } = REASONING_FORMATS[reasoningParser];
  const layout = layoutOf(format);
  return layout === null ? `\n${end}\n\n` : end + layout.next + layout.contentStart;
}

/** @returns true if a prompt with this ending opens the reasoning, so that the text after it is reasoning */
export function opensReasoning(
  { reasoningParser }: Pick<ChatFormat, "reasoningParser">,
  promptEnd: string,
): boolean {
  if (reasoningParser === null || HEADED.includes(reasoningParser)) return false;
  const { start } = REASONING_FORMATS[reasoningParser];
  return promptEnd.trimEnd().endsWith(start.trimEnd());
}
