// Converts bodies of /v1/messages into chat bodies: system blocks, tool results, thinking, and tools.

import { describe, expect, test } from "bun:test";
import { chatBodyOf, countedChatOf, showsThinking } from "../../../src/api/messages/chat-body.ts";
import { conversationOf } from "../../../src/api/messages/conversation.ts";
import { COUNT_TOKENS_FIELDS, MESSAGES_FIELDS } from "../../../src/api/messages/schema.ts";
import { parseBody } from "../../../src/api/parse-body.ts";
import type { JsonObject } from "../../../src/api/schema/json-value.ts";
import { parseJson } from "../../../src/json.ts";

const parse = (body: JsonObject) =>
  parseBody(MESSAGES_FIELDS, {
    max_tokens: 5,
    messages: [{ role: "user", content: "hi" }],
    ...body,
  });
const conversation = (messages: readonly JsonObject[], system: JsonObject["x"] = null) =>
  conversationOf(parse({ messages, ...(system !== null && system !== undefined && { system }) }));
const user = (content: JsonObject["x"] = "hi") => ({ role: "user", content: content ?? "" });

describe("the system prompt", () => {
  test("is the text, or one line per block", () => {
    expect(conversation([user()], "be brief")[0]).toEqual({ role: "system", content: "be brief" });
    const blocks = [
      { type: "text", text: "one" },
      { type: "text", text: "two", cache_control: { type: "ephemeral" } },
    ];
    expect(conversation([user()], blocks)[0]).toEqual({ role: "system", content: "one\ntwo" });
  });

  test("omits the block that changes with each request, and is itself omitted if it has no text", () => {
    const billing = { type: "text", text: "x-anthropic-billing-header: cc_version=2.1; cch=4fe2;" };
    expect(conversation([user()], [billing, { type: "text", text: "one" }])[0]).toEqual({
      role: "system",
      content: "one",
    });
    expect(conversation([user()], [billing])).toEqual([user()]);
    expect(conversation([user()], "")).toEqual([user()]);
  });

  test("can also be a message, whose position is kept", () => {
    const later = { role: "system", content: [{ type: "text", text: "note" }] };
    expect(conversation([user(), later, user("go")])).toEqual([
      user(),
      { role: "system", content: "note" },
      user("go"),
    ]);
  });
});

describe("a user's message", () => {
  test("keeps multiple text blocks as parts, but skips blocks of unknown types", () => {
    const blocks = [
      { type: "text", text: "a" },
      { type: "container_upload", file_id: "f" },
      { type: "text", text: "b" },
    ];
    expect(conversation([user(blocks)])).toEqual([
      user([
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ]),
    ]);
    expect(conversation([user([{ type: "text", text: "a" }])])).toEqual([user("a")]);
    expect(conversation([user([{ type: "redacted" }])])).toEqual([]);
  });

  test("becomes one message per tool result, followed by the rest of its text", () => {
    const call = { type: "tool_use", id: "t1", name: "read", input: { path: "a", n: 1 } };
    const other = { type: "tool_use", id: "t2", name: "list", input: {} };
    const results = [
      { type: "tool_result", tool_use_id: "t1", content: "text" },
      { type: "tool_result", tool_use_id: "t2", is_error: true, content: "no such folder" },
      { type: "tool_result", tool_use_id: "t3" },
      { type: "text", text: "go on" },
    ];
    expect(conversation([{ role: "assistant", content: [call, other] }, user(results)])).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [
          {
            id: "t1",
            type: "function",
            function: { name: "read", arguments: '{"path":"a","n":1}' },
          },
          { id: "t2", type: "function", function: { name: "list", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "t1", name: "read", content: "text" },
      { role: "tool", tool_call_id: "t2", name: "list", content: "Error: no such folder" },
      { role: "tool", tool_call_id: "t3", content: "" },
      user("go on"),
    ]);
  });

  test("can contain lists as tool results, in which images are replaced by a note", () => {
    const content = [
      { type: "text", text: "line" },
      { type: "image", source: { type: "base64", media_type: "image/png", data: "" } },
      { type: "tool_reference", tool_name: "x" },
    ];
    const result = { type: "tool_result", tool_use_id: "t1", is_error: true, content };
    const text = "Error: line\n[image omitted: the model reads only text]";
    expect(conversation([user([result])])[0]?.["content"]).toBe(text);
    const said = { ...result, content: "<tool_use_error>gone</tool_use_error>" };
    expect(conversation([user([said])])[0]?.["content"]).toBe(said.content);
  });

  test("can contain text documents and search results; other media are rejected later", () => {
    const text = {
      type: "document",
      source: { type: "text", media_type: "text/plain", data: "d" },
    };
    const found = {
      type: "search_result",
      title: "T",
      source: "u",
      content: [{ type: "text", text: "x" }],
    };
    const pdf = { type: "document", source: { type: "base64", data: "" } };
    expect(conversation([user([text, found, pdf, { type: "image" }])])[0]?.["content"]).toEqual([
      ...["d", "T", "u", "x"].map((said) => ({ type: "text", text: said })),
      { type: "file" },
      { type: "image" },
    ]);
  });
});

describe("an assistant's message", () => {
  test("keeps thinking (without its signature), text, and calls", () => {
    const content = [
      { type: "thinking", thinking: "hm", signature: "s" },
      { type: "redacted_thinking", data: "x" },
      { type: "text", text: "so" },
      { type: "tool_use", id: "t", name: "f", input: {} },
    ];
    expect(conversation([user(), { role: "assistant", content }])[1]).toEqual({
      role: "assistant",
      content: "so",
      reasoning_content: "hm",
      tool_calls: [{ id: "t", type: "function", function: { name: "f", arguments: "{}" } }],
    });
  });

  test("keeps numbers in a call as written", () => {
    const written = parseJson(
      '{"messages":[{"role":"assistant","content":[{"type":"tool_use","input":{"x":1.0}}]}]}',
      ["messages"],
    ) as JsonObject;
    const [message] = conversationOf(parseBody(COUNT_TOKENS_FIELDS, written));
    expect(JSON.stringify(message?.["tool_calls"])).toContain('{\\"x\\":1.0}');
  });

  test("is continued if it is the last message", () => {
    const prefilled = [user(), { role: "assistant", content: "{" }];
    expect(chatBodyOf(parse({ messages: prefilled }))).toMatchObject({
      add_generation_prompt: false,
      continue_final_message: true,
    });
    expect(chatBodyOf(parse({}))).toMatchObject({
      add_generation_prompt: true,
      continue_final_message: false,
    });
  });
});

describe("the chat", () => {
  const tool = { name: "f", description: "d", input_schema: { type: "object" }, eager: true };
  const shown = {
    type: "function",
    function: { name: "f", description: "d", parameters: { type: "object" } },
  };

  test("has the body's limits and sampling parameters", () => {
    const body = { stop_sequences: ["x"], temperature: 0.5, top_k: 3, metadata: { user_id: "u" } };
    expect(chatBodyOf(parse(body))).toMatchObject({
      max_tokens: 5,
      stop: ["x"],
      temperature: 0.5,
      top_k: 3,
      top_p: null,
    });
  });

  test.each([
    [{ type: "auto" }, "auto"],
    [{ type: "any" }, "required"],
    [{ type: "none" }, "none"],
    [
      { type: "tool", name: "f" },
      { type: "function", function: { name: "f" } },
    ],
  ])("converts the tool choice %p", (tool_choice, expected) => {
    const chat = chatBodyOf(parse({ tools: [tool], tool_choice }));
    expect([chat.tools, chat.tool_choice]).toEqual([[shown], expected as never]);
  });

  test("accepts the output format under the name that earlier clients use", () => {
    const format = { type: "json_schema", schema: { type: "object" } };
    const chat = chatBodyOf(parse({ output_config: { format } }));
    expect(chat.response_format).toMatchObject({ json_schema: { schema: format.schema } });
    expect(chatBodyOf(parse({ output_format: format }))).toEqual(chat);
  });

  test("omits tools without a schema, which are built into Anthropic's API", () => {
    const search = { type: "web_search_20250305", name: "web_search", max_uses: 5 };
    const remote = { type: "mcp_toolset", mcp_server_name: "s" };
    expect(chatBodyOf(parse({ tools: [search, remote, tool] })).tools).toEqual([shown]);
    expect(chatBodyOf(parse({ tools: [search], tool_choice: { type: "auto" } }))).toMatchObject({
      tools: null,
      tool_choice: null,
    });
  });

  test("keeps a tool choice that requires a tool even if there are no tools, so it is refused later", () => {
    const required = chatBodyOf(parse({ tool_choice: { type: "any" } }));
    expect([required.tools, required.tool_choice]).toEqual([null, "required"]);
  });

  test("keeps an output format of a different type, so it is refused later", () => {
    const parsed = parse({ output_format: { type: "xml" } });
    expect(() => chatBodyOf(parsed)).toThrow("('body', 'response_format', 'type')");
  });

  test.each([
    [undefined, false],
    [{ type: "disabled" }, false],
    [{ type: "adaptive" }, true],
    [{ type: "enabled", budget_tokens: 2048 }, true],
  ])("with the thinking option %p, sets thinking to %p", (thinking, expected) => {
    const body = parse(thinking === undefined ? {} : { thinking });
    expect(showsThinking(body)).toBe(expected);
    expect(chatBodyOf(body)).toMatchObject({
      chat_template_kwargs: { enable_thinking: expected, thinking: expected },
      thinking_token_budget: expected ? (body.thinking?.["budget_tokens"] ?? null) : 0,
    } as never);
  });

  test("is the same for counting tokens as for generating", () => {
    const counted = countedChatOf(parse({ tools: [tool], system: "s" }));
    const { max_tokens: _, ...answered } = chatBodyOf(parse({ tools: [tool], system: "s" }));
    expect(answered).toMatchObject({ messages: counted.messages, tools: counted.tools });
  });
});

describe("a bad body", () => {
  const refusals: [JsonObject, string][] = [
    [{ messages: [{ content: "x" }] }, "('body', 'messages', 0, 'role')"],
    [{ messages: [{ role: "user" }] }, "('body', 'messages', 0, 'content')"],
    [{ messages: [{ role: "user", content: 5 }] }, "valid list"],
    [{ messages: [{ role: "user", content: [{ text: "x" }] }] }, "'content', 0, 'type')"],
    [{ system: 5 }, "('body', 'system')"],
    [{ messages: [{ role: "user", content: "" }] }, "At least one message must have content"],
    [{ messages: [user([{ type: "text" }])] }, "'content', 0, 'text'), 'msg': 'Field required'"],
    [{ messages: [user([{ type: "text", text: 5 }])] }, "should be a valid string"],
    [{ messages: [user([{ type: "tool_result" }])] }, "'content', 0, 'tool_use_id')"],
    [
      {
        messages: [user([{ type: "tool_result", tool_use_id: "a", content: [{ type: "text" }] }])],
      },
      "'content', 0, 'content', 0, 'text')",
    ],
    [{ messages: [user([{ type: "tool_use", name: "f" }])] }, "'content', 0, 'id')"],
    [{ tools: [{ input_schema: {} }] }, "('body', 'tools', 0, 'name')"],
    [{ tools: [{ name: "f" }] }, "('body', 'tools', 0, 'input_schema')"],
    [{ tools: [{ name: "f", type: "custom" }] }, "('body', 'tools', 0, 'input_schema')"],
    [{ tools: [{ name: "f", input_schema: "x" }] }, "valid dictionary"],
    [{ tools: [{ type: "function", function: { name: "f" } }] }, "('body', 'tools', 0, 'name')"],
    [{ tool_choice: { type: "required" } }, "'auto', 'any', 'tool' or 'none'"],
    [{ tool_choice: { type: "tool" } }, "('body', 'tool_choice', 'name')"],
    [{ thinking: "yes" }, "('body', 'thinking')"],
    [{ max_tokens: null }, "('body', 'max_tokens')"],
  ];
  test.each(refusals)("is rejected with an error that says what is wrong: %j", (body, text) => {
    expect(() => chatBodyOf(parse(body))).toThrow(text);
  });
});
