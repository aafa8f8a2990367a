// Converts bodies of /v1/responses into chat bodies: items of every type, tools, and tool choices.

import { describe, expect, test } from "bun:test";
import { parseBody } from "../../../src/api/parse-body.ts";
import { chatBodyOf, checkResponsesBody, toolsOf } from "../../../src/api/responses/chat-body.ts";
import { itemsOf, messagesOf } from "../../../src/api/responses/input-items.ts";
import { sealed } from "../../../src/api/responses/reasoning.ts";
import { RESPONSES_FIELDS } from "../../../src/api/responses/schema.ts";
import { flatName, toolTable } from "../../../src/api/responses/tools.ts";
import type { JsonObject } from "../../../src/api/schema/json-value.ts";

const parse = (body: JsonObject) => parseBody(RESPONSES_FIELDS, { input: "hi", ...body });
const chat = (body: JsonObject) => {
  const parsed = parse(body);
  checkResponsesBody(parsed);
  const items = itemsOf(parsed.input ?? "");
  return chatBodyOf(parsed, items, toolsOf(parsed, items));
};
const text = (role: string, said: string) => ({
  type: "message",
  role,
  content: [{ type: role === "assistant" ? "output_text" : "input_text", text: said }],
});

describe("the conversation", () => {
  test("consists of the instructions, then the text of the input", () => {
    expect(chat({ instructions: "be brief" }).messages).toEqual([
      { role: "system", content: "be brief" },
      { role: "user", content: "hi" },
    ]);
  });

  test("has one assistant message per model turn", () => {
    const items = [
      text("developer", "rules"),
      text("user", "look"),
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
      text("assistant", "I look"),
      { type: "function_call", call_id: "c1", name: "read", arguments: '{"a":1}' },
      { type: "function_call", call_id: "c2", name: "list", namespace: "mcp__fs", arguments: "{}" },
      { type: "function_call_output", call_id: "c1", output: "one" },
      {
        type: "function_call_output",
        call_id: "c2",
        output: [{ type: "input_text", text: "two" }, { type: "input_image" }],
      },
      text("assistant", "done"),
      text("assistant", "really"),
    ];
    const called = (id: string, name: string, text: string) => ({
      ...{ id, type: "function", function: { name, arguments: text } },
    });
    expect(messagesOf(items)).toEqual([
      { role: "system", content: "rules" },
      { role: "user", content: "look" },
      {
        role: "assistant",
        content: "I look",
        reasoning_content: "hm",
        tool_calls: [called("c1", "read", '{"a":1}'), called("c2", "mcp__fs__list", "{}")],
      },
      { role: "tool", tool_call_id: "c1", name: "read", content: "one" },
      {
        role: "tool",
        tool_call_id: "c2",
        name: "mcp__fs__list",
        content: "two\n[input_image omitted: the model reads only text]",
      },
      { role: "assistant", content: "done" },
      { role: "assistant", content: "really" },
    ]);
  });

  test("converts calls to custom tools into calls to the functions that represent them", () => {
    const items = [
      { type: "custom_tool_call", call_id: "c", name: "apply_patch", input: '*** "Begin"\n' },
      { type: "custom_tool_call_output", call_id: "c", output: { ok: true } },
    ];
    expect(messagesOf(items)).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: "c",
            type: "function",
            function: { name: "apply_patch", arguments: '{"input":"*** \\"Begin\\"\\n"}' },
          },
        ],
      },
      { role: "tool", tool_call_id: "c", name: "apply_patch", content: '{"ok":true}' },
    ]);
  });

  test("accepts a call's arguments as an object or as JSON, and a call without arguments", () => {
    const argumentsOf = (given: JsonObject) => {
      const item = { type: "function_call", call_id: "c", name: "f", ...given };
      const [message] = messagesOf([item]) as { tool_calls?: { function: JsonObject }[] }[];
      return message?.tool_calls?.[0]?.function["arguments"];
    };
    expect(argumentsOf({ arguments: { a: 1 } })).toBe('{"a":1}');
    expect(argumentsOf({ arguments: '{"a":1}' })).toBe('{"a":1}');
    expect(argumentsOf({})).toBe("");
  });

  test("reads reasoning from content, encrypted_content, or summary", () => {
    const thoughts = (item: JsonObject) =>
      messagesOf([{ type: "reasoning", ...item }])[0]?.["reasoning_content"];
    expect(thoughts({ summary: [], encrypted_content: sealed("größer") })).toBe("größer");
    expect(thoughts({ summary: [{ type: "summary_text", text: "s" }] })).toBe("s");
    expect(thoughts({ encrypted_content: "gAAAAB=" })).toBeUndefined();
    expect(thoughts({})).toBeUndefined();
  });

  test("skips items that do not apply to Pagoda", () => {
    const skipped = [
      { type: "local_shell_call", call_id: "x", action: { type: "exec" } },
      { type: "web_search_call", id: "ws" },
      { type: "compaction", encrypted_content: "x" },
    ];
    expect(chat({ input: [...skipped, text("user", "go")] }).messages).toEqual([
      { role: "user", content: "go" },
    ]);
  });

  test("has a user message even if the input is empty", () => {
    for (const input of ["", []]) {
      expect(chat({ input, max_output_tokens: 1 }).messages).toEqual([
        { role: "user", content: "" },
      ]);
    }
  });

  test("keeps a user's images, which are rejected later", () => {
    const content = [
      { type: "input_text", text: "see" },
      { type: "input_image", image_url: "data:" },
    ];
    expect(chat({ input: [{ role: "user", content }] }).messages?.[0]?.["content"]).toEqual(
      content,
    );
  });
});

describe("tools", () => {
  const parameters = { type: "object", properties: { cmd: { type: "string" } } };
  const shell = { type: "function", name: "shell", description: "run", strict: false, parameters };
  const patch = {
    type: "custom",
    name: "apply_patch",
    description: "Edits files.",
    format: { type: "grammar", syntax: "lark", definition: 'start: "x"' },
  };
  const namespace = {
    type: "namespace",
    name: "mcp__fs",
    description: "Files",
    tools: [
      { type: "function", name: "read", parameters },
      { type: "custom", name: "write" },
    ],
  };
  const hosted = ["web_search", "image_generation", "tool_search", "local_shell"].map((type) => ({
    type,
  }));

  test("of all types are accepted, but those that OpenAI runs are skipped", () => {
    const { functions, origins } = toolTable([shell, patch, namespace, ...hosted]);
    expect(functions.map(({ function: called }) => (called as JsonObject)["name"])).toEqual([
      ...["shell", "apply_patch", "mcp__fs__read", "mcp__fs__write"],
    ]);
    expect([...origins]).toEqual([
      ["shell", { kind: "function", name: "shell", namespace: null }],
      ["apply_patch", { kind: "custom", name: "apply_patch", namespace: null }],
      ["mcp__fs__read", { kind: "function", name: "read", namespace: "mcp__fs" }],
      ["mcp__fs__write", { kind: "custom", name: "write", namespace: "mcp__fs" }],
    ]);
  });

  test("become functions, which for custom tools take a single string", () => {
    expect(toolTable([shell, patch]).functions).toEqual([
      { type: "function", function: { name: "shell", description: "run", parameters } },
      {
        type: "function",
        function: {
          name: "apply_patch",
          description: 'Edits files.\n\nThe input must match this lark grammar:\nstart: "x"',
          parameters: {
            type: "object",
            properties: { input: { type: "string" } },
            required: ["input"],
            additionalProperties: false,
          },
        },
      },
    ]);
    const format = { type: "grammar", syntax: "regex", definition: "a|b" };
    const [regex] = toolTable([{ ...patch, format }]).functions;
    expect(JSON.stringify(regex)).toContain('{"type":"string","pattern":"^(?:a|b)$"}');
  });

  test("can also be in the input", () => {
    const input = [{ type: "additional_tools", tools: [shell] }, text("user", "go")];
    expect(chat({ input, tool_choice: "none" }).tools).toHaveLength(1);
  });

  test("in the input replace those with the same name, since clients resend tools that a search has found", () => {
    const found = (description: string) => ({ ...shell, description });
    const tools = [found("b"), found("c")];
    const input = [{ type: "additional_tools", tools }, text("user", "go")];
    const { tools: shown } = chat({ input, tools: [found("a"), patch] });
    expect(shown?.map(({ function: called }) => called)).toMatchObject([
      { name: "apply_patch" },
      { name: "shell", description: "c" },
    ]);
  });

  test("leave no choice if none can be called, unless the choice requires one", () => {
    expect(chat({ tools: hosted })).toMatchObject({ tools: null, tool_choice: null });
    const required = chat({ tools: hosted, tool_choice: "required" });
    expect(required).toMatchObject({ tools: null, tool_choice: "required" });
  });

  test.each([
    ["auto", "auto", 4],
    ["required", "required", 4],
    ["none", "none", 4],
    [{ type: "function", name: "shell" }, "shell", 4],
    [{ type: "custom", name: "apply_patch" }, "apply_patch", 4],
    [{ type: "function", name: "read", namespace: "mcp__fs" }, "mcp__fs__read", 4],
    [
      { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "shell" }] },
      "required",
      1,
    ],
  ])("are selected by the tool_choice %j", (tool_choice, expected, numTools) => {
    const { tools, tool_choice: choice } = chat({ tools: [shell, patch, namespace], tool_choice });
    const named = (choice as { function?: { name: string } } | null)?.function?.name;
    expect([named ?? choice, tools?.length]).toEqual([expected, numTools]);
  });

  test("of a namespace that ends in underscores get no further underscores", () => {
    expect(flatName("a", "mcp__x__")).toBe("mcp__x__a");
    expect(flatName("a", null)).toBe("a");
  });
});

describe("the chat", () => {
  test("has the body's limits, sampling parameters, and log-probabilities", () => {
    const include = ["message.output_text.logprobs"];
    expect(
      chat({ max_output_tokens: 7, temperature: 0, top_p: 0.5, top_logprobs: 2, include }),
    ).toMatchObject({ max_tokens: 7, temperature: 0, top_p: 0.5, logprobs: true, top_logprobs: 2 });
    expect(chat({ top_logprobs: 2 })).toMatchObject({ logprobs: false });
  });

  test.each([
    ["none", "none"],
    ["minimal", "low"],
    ["high", "high"],
    ["xhigh", "high"],
  ])("converts the effort %s to the nearest one that templates support", (effort, expected) => {
    expect(String(chat({ reasoning: { effort, summary: "auto" } }).reasoning_effort)).toBe(
      expected,
    );
  });
});

describe("a bad body", () => {
  const refusals: [JsonObject, string][] = [
    [{ input: 5 }, "valid list"],
    [{ input: [{ text: "x" }] }, "('body', 'input', 0, 'type')"],
    [{ truncation: "some" }, "'auto' or 'disabled'"],
    [{ tools: [{}] }, "('body', 'tools', 0, 'type')"],
    [{ input: [{ type: "function_call", call_id: "c" }] }, "('body', 'input', 0, 'name')"],
    [{ input: [{ type: "function_call_output" }] }, "('body', 'input', 0, 'call_id')"],
    [{ input: [{ type: "item_reference", id: 5 }] }, "should be a valid string"],
    [{ tools: [{ type: "custom" }] }, "('body', 'tools', 0, 'name'), 'msg': 'Field required'"],
    [{ tools: [{ type: "function", name: 5 }] }, "should be a valid string"],
    [{ tools: [{ type: "namespace", tools: [] }] }, "('body', 'tools', 0, 'name')"],
    [
      { tools: [{ type: "namespace", name: "n", tools: [{ type: "function" }] }] },
      "('body', 'tools', 0, 'tools', 0, 'name')",
    ],
    [
      { tool_choice: { type: "function", function: { name: "f" } } },
      "('body', 'tool_choice', 'name')",
    ],
    [{ tool_choice: { type: "web_search" } }, 'no tool of type "web_search"'],
    [{ tool_choice: { type: "allowed_tools", tools: "f" } }, "must have a list of `tools`"],
    [{ background: true, store: false }, "background can only be used when `store` is true"],
    [{ prompt: { id: "pmpt_1" } }, "`prompt` is not supported"],
    [{ conversation: "conv_1" }, "`conversation` is not supported"],
  ];
  test.each(refusals)("is rejected with an error that says what is wrong: %j", (body, message) => {
    expect(() => chat(body)).toThrow(message);
  });
});
