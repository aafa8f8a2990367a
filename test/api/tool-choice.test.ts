// Tool choices that restrict a chat's tools.

import { describe, expect, test } from "bun:test";
import type { ChatBody } from "../../src/api/schemas.ts";
import { toolChoice, withAllowedTools } from "../../src/api/tool-choice.ts";

type Body = Pick<ChatBody, "tools" | "tool_choice">;

const tool = (name: string) => ({ type: "function", function: { name } });

function allowed(mode: string, names: readonly string[]) {
  const allowed_tools = { mode, tools: names.map(tool) };
  const tools = [tool("f"), tool("g"), tool("h")];
  const body: Body = { tools, tool_choice: { type: "allowed_tools", allowed_tools } };
  return withAllowedTools(body);
}

describe("allowed tools", () => {
  test("are the only tools left, in their original order, and the mode becomes the choice", () => {
    const tools = [tool("f"), tool("h")];
    expect(allowed("auto", ["h", "f"])).toEqual({ tools, tool_choice: "auto" });
    expect(allowed("required", ["h", "f"])).toEqual({ tools, tool_choice: "required" });
  });

  test("leave no tools if the list is empty, so a required call is refused", () => {
    expect(allowed("auto", [])).toEqual({ tools: null, tool_choice: "none" });
    expect(() => toolChoice(allowed("required", []))).toThrow("`tools` must be set.");
  });

  test.each([
    ["any", ["f"], 'the `mode` "auto" or "required"'],
    ["auto", ["i"], '`tools` has no tool named "i".'],
  ])("are refused if invalid (mode %p, tools %j)", (mode, names, message) => {
    expect(() => allowed(mode, names)).toThrow(message);
  });

  test("do not change any other choice", () => {
    for (const tool_choice of [null, "auto", tool("f")]) {
      const body: Body = { tools: [tool("f")], tool_choice };
      expect(withAllowedTools(body)).toBe(body);
    }
  });
});
