// Joins the parts of a message that a slow reader has not read yet.

import { expect, test } from "bun:test";
import { joinParts, type MessagePart } from "../../src/protocol/message-part.ts";

const text = (value: string): MessagePart => ({ kind: "text", text: value });
const reasoning = (value: string): MessagePart => ({ kind: "reasoning", text: value });
const call = (index: number): MessagePart => ({ kind: "tool_call", index, name: "f" });
const json = (index: number, value: string): MessagePart => ({
  kind: "arguments",
  index,
  text: value,
});

test("neighbors of the same kind become one part", () => {
  expect(joinParts([text("a")], [text("b"), reasoning("c")])).toEqual([text("ab"), reasoning("c")]);
  expect(joinParts([json(0, "{")], [json(0, "}")])).toEqual([json(0, "{}")]);
});

test("two calls stay separate", () => {
  expect(joinParts([call(0), json(0, "{}")], [call(1), json(1, "{}")])).toHaveLength(4);
  expect(joinParts([json(0, "{}")], [json(1, "{}")])).toHaveLength(2);
});

test("text on both sides of a call stays in order", () => {
  expect(joinParts([text("a"), call(0)], [text("b")])).toEqual([text("a"), call(0), text("b")]);
});

test("an empty list has no effect", () => {
  expect(joinParts([], [])).toEqual([]);
  expect(joinParts([text("a")], [])).toEqual([text("a")]);
});
