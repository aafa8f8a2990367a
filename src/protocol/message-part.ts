// Parts of a generated message whose text is parsed: content, reasoning, and tool calls.

export type MessagePart = TextPart | CallPart;

export interface TextPart {
  readonly kind: "text" | "reasoning";
  readonly text: string;
}

export type CallPart =
  /** Starts call `index`, counted from 0 in message order. */
  | { readonly kind: "tool_call"; readonly index: number; readonly name: string }
  /** Appends to the JSON text of call `index`. */
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

/** @returns the parts of `later` after those of `earlier`, with neighbors of the same kind joined */
export function joinParts(
  earlier: readonly MessagePart[],
  later: readonly MessagePart[],
): MessagePart[] {
  const parts = [...earlier];
  for (const part of later) {
    const joined = joinedPart(parts.at(-1), part);
    if (joined === null) parts.push(part);
    else parts[parts.length - 1] = joined;
  }
  return parts;
}

/** @returns null if the parts cannot be joined */
function joinedPart(last: MessagePart | undefined, part: MessagePart): MessagePart | null {
  if (last === undefined || last.kind === "tool_call" || part.kind === "tool_call") return null;
  if (last.kind !== part.kind) return null;
  if (last.kind === "arguments" && part.kind === "arguments" && last.index !== part.index) {
    return null;
  }
  return { ...last, text: last.text + part.text };
}
