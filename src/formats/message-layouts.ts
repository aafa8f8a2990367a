// Layouts of messages that consist of segments, such as reasoning, content and calls, each in its own frame.

import type { ChatFormat, ReasoningParser, ToolParser } from "../protocol/message-parsing.ts";

export interface MessageLayout {
  /** Text before the content; "" = none. */
  readonly contentStart: string;
  /** Text after the content, if the message continues. */
  readonly contentEnd: string;
  /** Text before another segment. */
  readonly next: string;
  /** Text after the last segment; "" = none. */
  readonly messageEnd: string;
}

const LAYOUTS: Readonly<Partial<Record<ToolParser | ReasoningParser, MessageLayout>>> = {
  kimi_k3: {
    ...{ contentStart: "", contentEnd: "<|close|>response<|sep|>" },
    ...{ next: "<|open|>response<|sep|>", messageEnd: "<|close|>message<|sep|>" },
  },
  muse_glimmer: {
    ...{ contentStart: " to=user<|message|>", contentEnd: "<|eom|>", next: "<|start|>assistant" },
    messageEnd: "",
  },
  openai: harmony(),
  openai_gptoss: harmony(),
  solar_open: {
    ...{ contentStart: "<|content|>", contentEnd: "<|end|>", next: "<|begin|>assistant" },
    messageEnd: "",
  },
};

function harmony(): MessageLayout {
  return {
    ...{ contentStart: "<|channel|>final<|message|>", contentEnd: "<|end|>" },
    ...{ next: "<|start|>assistant", messageEnd: "" },
  };
}

/** @returns null for a format whose content has no frame */
export function layoutOf({ toolParser, reasoningParser }: ChatFormat): MessageLayout | null {
  const ofTools = toolParser === null ? undefined : LAYOUTS[toolParser];
  return ofTools ?? (reasoningParser === null ? null : (LAYOUTS[reasoningParser] ?? null));
}

/** @returns the markers around segments, which are not part of any of them */
export function layoutMarkers(format: ChatFormat): readonly string[] {
  const { contentStart = "", contentEnd = "", next = "", messageEnd = "" } = layoutOf(format) ?? {};
  return [contentStart, contentEnd, next, messageEnd].filter((marker) => marker !== "");
}
