// A started chat whose outputs are scripted by a test, for output converters that need no engine.

import fc from "fast-check";
import type { StartedChat } from "../../src/api/started-chat.ts";
import type { SequenceOutput } from "../../src/front/output-stream.ts";
import type { MessagePart } from "../../src/protocol/message-part.ts";

/** @returns a chat that has only the properties that converters read */
export function scriptedChat(numPromptTokens = 10): StartedChat {
  const context = {
    servedModelNames: ["tiny"],
    samplingDefaults: { temperature: 1, topP: 1 },
    front: { info: { maxModelLen: 11 } },
  };
  const body = { max_tokens: 5, messages: [] };
  const promptIds = new Int32Array(numPromptTokens);
  const chat = {
    context,
    id: "answer-1",
    createdS: 1_700_000_000,
    n: 1,
    customTools: new Set(),
    promptIds,
    parsing: null,
    body,
  };
  return chat as unknown as StartedChat;
}

type Ended = Partial<Pick<SequenceOutput, "finishReason" | "stopReason">>;

/** One token per output. The last output has the finish reason. */
export function scriptedOutputs(
  steps: readonly (readonly MessagePart[])[],
  ended: Ended = { finishReason: "stop" },
): SequenceOutput[] {
  return steps.map((parts, i) => ({
    requestId: "0",
    index: 0,
    text: parts.map((part) => (part.kind === "text" ? part.text : "")).join(""),
    parts,
    numReasoningTokens: parts.some(({ kind }) => kind === "reasoning") ? 1 : 0,
    predictionTokens: null,
    promptProgress: null,
    tokenIds: [i],
    tokenTimesS: [0],
    logprobs: null,
    promptLogprobs: null,
    finishReason: null,
    stopReason: null,
    numPromptTokens: 10,
    numCachedTokens: 4,
    numPreemptions: 0,
    isCorrupted: false,
    timeline: {} as SequenceOutput["timeline"],
    ...(i === steps.length - 1 && ended),
  }));
}

/** Splits the texts of `parts` into pieces and distributes them over steps, as determined by `cuts`. */
export function splitParts(
  parts: readonly MessagePart[],
  cuts: readonly number[],
): MessagePart[][] {
  let i = 0;
  const next = () => cuts[i++ % cuts.length] ?? 1;
  const steps: MessagePart[][] = [[]];
  for (const part of parts) {
    if (part.kind === "tool_call") {
      steps.at(-1)?.push(part);
      continue;
    }
    for (let rest = part.text; rest !== ""; ) {
      const size = Math.max(1, next() % (rest.length + 1));
      steps.at(-1)?.push({ ...part, text: rest.slice(0, size) });
      rest = rest.slice(size);
      if (next() % 2 === 0) steps.push([]);
    }
  }
  return steps;
}

export const cuts = fc.array(fc.nat(20), { minLength: 1, maxLength: 12 });

const text = fc.string({ minLength: 1, maxLength: 12 });

/**
 * Messages that a parser can yield: adjacent parts differ in kind, and the arguments of calls are objects.
 */
export const messageParts: fc.Arbitrary<MessagePart[]> = fc
  .array(
    fc.oneof(
      text.map((said) => ({ kind: "text" as const, said })),
      text.map((said) => ({ kind: "reasoning" as const, said })),
      fc
        .dictionary(fc.stringMatching(/^[a-z]{1,4}$/), fc.oneof(text, fc.integer()))
        .map((input) => ({ kind: "call" as const, said: JSON.stringify(input) })),
    ),
    { maxLength: 6 },
  )
  .map((blocks) => {
    let index = -1;
    return blocks
      .filter(({ kind }, i) => kind === "call" || blocks[i - 1]?.kind !== kind)
      .flatMap(({ kind, said }): MessagePart[] => {
        if (kind !== "call") return [{ kind, text: said }];
        index++;
        return [
          { kind: "tool_call", index, name: `tool${index}` },
          { kind: "arguments", index, text: said },
        ];
      });
  });
