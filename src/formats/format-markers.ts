// Markers of a chat format. Depending on the model, a marker can be a special token, several special tokens, or plain
// text.

import type { ChatFormat } from "../protocol/message-parsing.ts";
import { HARMONY_MARKERS } from "./harmony.ts";
import { layoutMarkers } from "./message-layouts.ts";
import { REASONING_FORMATS } from "./reasoning-formats.ts";
import { TOOL_FORMATS } from "./tool-formats.ts";

/** Special tokens within a marker. */
const TOKENS = /<[^<>]+>|\[[^[\]]+\]/g;

export function isHarmony({ toolParser, reasoningParser }: ChatFormat): boolean {
  return toolParser === "openai" || reasoningParser === "openai_gptoss";
}

/** @returns texts of special tokens that can be the format's markers or parts of its markers */
export function formatMarkers(format: ChatFormat): ReadonlySet<string> {
  const { toolParser, reasoningParser } = format;
  const tools = toolParser && TOOL_FORMATS[toolParser];
  const reasoning = reasoningParser && REASONING_FORMATS[reasoningParser];
  const { starts = [], bareStarts = [], markers = [], end = "" } = tools ?? {};
  const { start: open = "", end: close = "", frame } = reasoning ?? {};
  const around = [open, close, frame?.start ?? "", frame?.end ?? "", ...layoutMarkers(format)];
  const all = [...starts, ...bareStarts, ...markers, end, ...around];
  const harmony = isHarmony(format) ? HARMONY_MARKERS : [];
  const parts = all.flatMap((marker) => marker.match(TOKENS) ?? []);
  return new Set([...all, ...harmony, ...parts].filter((marker) => marker !== ""));
}
