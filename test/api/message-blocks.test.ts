// Message blocks, built from the engine's outputs: what starts and ends a block, no matter how the
// outputs are split into steps.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MessageBlocks } from "../../src/api/message-blocks.ts";
import type { MessagePart } from "../../src/protocol/message-part.ts";
import { cuts, messageParts, splitParts } from "../support/scripted-chat.ts";

function blocksOf(steps: readonly (readonly MessagePart[])[], showsReasoning = true) {
  const blocks = new MessageBlocks({ showsReasoning });
  const events = steps.flatMap((parts) => blocks.add({ parts, text: "" }));
  events.push(...blocks.end());
  const shown = events.map((event) =>
    event.type === "delta" ? `+${event.text}` : `${event.type} ${event.block.index}`,
  );
  return { shown, blocks: blocks.blocks };
}

describe("MessageBlocks", () => {
  test("treats text that was not parsed as a single block", () => {
    const blocks = new MessageBlocks({ showsReasoning: true });
    const events = ["", "a", "", "b"].flatMap((text) => blocks.add({ parts: null, text }));
    expect(events.map(({ type }) => type)).toEqual(["start", "delta", "delta"]);
    expect(blocks.blocks).toEqual([{ index: 0, kind: "text", name: "", text: "ab" }]);
  });

  test("starts a block at each change of kind and at each call", () => {
    const { shown, blocks } = blocksOf([
      [{ kind: "reasoning", text: "hm" }],
      [
        { kind: "text", text: "so" },
        { kind: "tool_call", index: 0, name: "f" },
      ],
      [
        { kind: "arguments", index: 0, text: "{" },
        { kind: "arguments", index: 0, text: "}" },
        { kind: "tool_call", index: 1, name: "g" },
      ],
    ]);
    expect(shown).toEqual([
      ...["start 0", "+hm", "stop 0", "start 1", "+so", "stop 1"],
      ...["start 2", "+{", "+}", "stop 2", "start 3", "stop 3"],
    ]);
    expect(blocks.map(({ kind, name }) => [kind, name])).toEqual([
      ["reasoning", ""],
      ["text", ""],
      ["tool_call", "f"],
      ["tool_call", "g"],
    ]);
  });

  test("returns no blocks for a message without content", () => {
    expect(blocksOf([[], [{ kind: "text", text: "" }]])).toEqual({ shown: [], blocks: [] });
  });

  test("can drop the reasoning", () => {
    const { blocks } = blocksOf(
      [
        [
          { kind: "text", text: "a" },
          { kind: "reasoning", text: "hm" },
          { kind: "text", text: "b" },
        ],
      ],
      false,
    );
    expect(blocks).toEqual([{ index: 0, kind: "text", name: "", text: "ab" }]);
  });

  test("yields the same blocks no matter how the parts are split into steps", () => {
    fc.assert(
      fc.property(messageParts, cuts, (parts, split) => {
        expect(blocksOf(splitParts(parts, split)).blocks).toEqual(blocksOf([parts]).blocks);
      }),
    );
  });
});
