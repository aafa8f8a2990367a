// Formats in which models write their reasoning, by vLLM's names of --reasoning-parser.

import type { ReasoningParser } from "../protocol/message-parsing.ts";

export interface ReasoningFormat {
  /** Marker before the reasoning. A prompt can end with it. */
  readonly start: string;
  readonly end: string;
}

const THINK: ReasoningFormat = { start: "<think>", end: "</think>" };

export const REASONING_FORMATS: Readonly<Record<ReasoningParser, ReasoningFormat>> = {
  deepseek_r1: THINK,
  qwen3: THINK,
};

/** @returns whether a prompt with this end leaves the reasoning open: the text that follows is reasoning */
export function opensReasoning({ start }: ReasoningFormat, promptEnd: string): boolean {
  return promptEnd.trimEnd().endsWith(start.trimEnd());
}
