// Content parts of a message: the types that vLLM accepts as text, and the errors for all others.

import { describe, expect, test } from "bun:test";
import { chatMessages, contentText } from "../../src/api/chat-messages.ts";
import { makeApp } from "../support/fake-engine.ts";

const contentOf = (content: unknown) =>
  chatMessages([{ role: "user", content: content as never }]).map(contentText)[0];

describe("content", () => {
  test.each([
    ["text", "a", "a"],
    ["nothing", null, ""],
    ["no parts", [], ""],
    ["a text part", [{ type: "text", text: "a" }], "a"],
    ["a refusal", [{ type: "refusal", refusal: "no" }], "no"],
    ["a thinking part", [{ type: "thinking", thinking: "hm" }], "hm"],
    [
      "parts of the responses API",
      [
        { type: "input_text", text: "a" },
        { type: "output_text", text: "b" },
      ],
      "a\nb",
    ],
    ["plain strings as parts", ["a", { type: "text", text: "" }, "b"], "a\nb"],
    ["a part without a type", [{ text: "a" }, { refusal: "b", type: null }], "a\nb"],
    ["a part with more fields", [{ type: "text", text: "a", cache_control: { type: "x" } }], "a"],
  ])("can be %s", (_, content, text) => {
    expect(contentOf(content)).toBe(text);
  });

  test("of an earlier refusal is the refusal's text", () => {
    const texts = (message: object) =>
      chatMessages([{ role: "assistant", ...message }]).map(contentText)[0];
    expect(texts({ content: null, refusal: "no" })).toBe("no");
    expect(texts({ content: "yes", refusal: null })).toBe("yes");
    expect(texts({ content: "", refusal: "no" })).toBe("");
  });

  test("stays a list of parts, in vLLM's form, for templates that expect a list", () => {
    const parts = ["a", { type: "refusal", refusal: "no", x: 1 }];
    expect(chatMessages([{ role: "user", content: parts }])).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "no" },
        ],
      },
    ]);
  });

  test.each([
    ["image_url", { type: "image_url", image_url: { url: "data:," } }],
    ["image_url", { image_url: "http://x/y.png" }],
    ["image_url", { type: "image_url", text: "a caption" }],
    ["input_audio", { type: "input_audio", input_audio: { data: "", format: "wav" } }],
    ["video_url", { type: "video_url", video_url: { url: "" } }],
    ["file", { type: "file", file: { file_id: "f" } }],
    ["input_image", { type: "input_image", image_url: "x" }],
  ])("of a non-text type is rejected, and the error names the type: %s", (type, part) => {
    expect(() => contentOf([{ type: "text", text: "a" }, part])).toThrow(
      `not a multimodal model: content parts of type '${type}' are not supported.`,
    );
  });

  test.each([
    [
      "an unknown type",
      [{ type: "tool_result", text: "a" }],
      "Unknown part type: tool_result. Known types: text, ",
    ],
    [
      "a type with its text in another field",
      [{ type: "refusal", text: "a" }],
      "type 'refusal' must have text in its 'refusal' field",
    ],
    [
      "text that is not a string",
      [{ type: "text", text: 5 }],
      "type 'text' must have text in its 'text' field",
    ],
    ["text that is null", [{ type: "text", text: null }], "must have text in its 'text' field"],
    [
      "a type that is not a string",
      [{ type: 5, text: "a" }],
      "the 'type' of a content part must be text",
    ],
    ["an empty part", [{}], "a content part has no 'type'"],
    ["a number as a part", [5], "a content part must be text or an object"],
    ["null as a part", [null], "a content part must be text or an object"],
    ["a list as a part", [["a"]], "a content part must be text or an object"],
    ["a number", 5, "message content must be text or a list of parts"],
    ["an object", { type: "text", text: "a" }, "message content must be text or a list of parts"],
  ])("is rejected if it is invalid: %s", (_, content, text) => {
    expect(() => contentOf(content)).toThrow(text);
  });

  test("is handled the same way in chats and in /tokenize", async () => {
    const { post } = makeApp();
    for (const path of ["/v1/chat/completions", "/tokenize"]) {
      const ask = async (part: object) =>
        (await post(path, { messages: [{ role: "user", content: [part] }], max_tokens: 1 })).status;
      expect(await ask({ type: "refusal", refusal: "no" })).toBe(200);
      expect(await ask({ type: "image_url", image_url: { url: "data:," } })).toBe(400);
    }
  });
});

test("null members of a message count as absent, except for content", () => {
  const message = { role: "assistant", content: null, name: null, tool_calls: null, x: "y" };
  expect(chatMessages([message])).toEqual([{ role: "assistant", content: null, x: "y" }]);
});
