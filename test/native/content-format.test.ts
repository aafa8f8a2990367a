// Format of message content passed to a template: the format that it expects, or the one requested.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTestModel } from "../support/native-step.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const SHOWN = "{{ messages[0].content | tojson }}";
const LOOPING = `{% if false %}{% for m in messages %}{% for p in m.content %}{% endfor %}{% endfor %}{% endif %}${SHOWN}`;

const folder = tempFolder();
let model: NativeModel;

beforeAll(async () => {
  const path = join(folder.path, "tiny.gguf");
  writeTinyGguf(path, { chatTemplate: SHOWN });
  model = await loadTestModel(path);
});

afterAll(async () => {
  await model.dispose();
  folder.remove();
});

async function contentOf(chatTemplate: string, contentFormat?: "string" | "openai") {
  const messages = [{ role: "user", content: ["a", "b"].map((text) => ({ type: "text", text })) }];
  const text = await model.applyChatTemplate({
    chatTemplate,
    json: JSON.stringify({ messages, tools: null, documents: null, kwargs: {} }),
    addGenerationPrompt: true,
    continueFinalMessage: false,
    ...(contentFormat && { contentFormat }),
  });
  return JSON.parse(text) as unknown;
}

const PARTS = [
  { type: "text", text: "a" },
  { type: "text", text: "b" },
];

test("the template determines the content format by default", async () => {
  expect(await contentOf(SHOWN)).toBe("a\nb");
  expect(await contentOf(LOOPING)).toEqual(PARTS);
});

test("a request can demand a string", async () => {
  expect(await contentOf(LOOPING, "string")).toBe("a\nb");
});

test("a request can demand parts", async () => {
  expect(await contentOf(SHOWN, "openai")).toEqual(PARTS);
});

test("other forms are refused", () => {
  expect(contentOf(SHOWN, "xml" as never)).rejects.toMatchObject({ code: "invalid_argument" });
});
