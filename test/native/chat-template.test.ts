// Chat templates through the addon: what is rendered, what is refused and in whose words.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTestModel } from "../support/native-step.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-template-"));
const path = join(folder, "tiny.gguf");
const models: NativeModel[] = [];

/** Shows BOS, roles, tool calls, tools and keyword arguments; refuses the role "nobody". */
const TALKATIVE = `{{ bos_token }}{% for m in messages %}
{%- if m.role == 'nobody' %}{{ raise_exception('Nobody may not speak.') }}{% endif %}
{%- if m.tool_calls %}{% for t in m.tool_calls %}{{ t.function.name }}(
{%- for k, v in t.function.arguments.items() %}{{ k }}={{ v|tojson }}{% endfor %}){% endfor %}
{%- else %}[{{ m.role }}]{{ m.content }}{% endif %}{% endfor %}
{%- if tools %} tools:{{ tools|length }}:{{ tools[0].function.name }}{% endif %}
{%- if mood %} mood:{{ mood }}{% endif %}
{%- if enable_thinking is false %} no thinking{% endif %}`;

async function load(chatTemplate: string): Promise<NativeModel> {
  const model = await loadTestModel(path, { chatTemplate });
  models.push(model);
  return model;
}

interface Body {
  readonly messages?: unknown;
  readonly tools?: unknown;
  readonly kwargs?: unknown;
}

function render(model: NativeModel, body: Body | string, generation = true, continues = false) {
  return model.applyChatTemplate({
    json: typeof body === "string" ? body : JSON.stringify({ tools: null, kwargs: {}, ...body }),
    addGenerationPrompt: generation,
    continueFinalMessage: continues,
  });
}

const user = (content: unknown) => ({ role: "user", content });
const toolCall = (args: unknown) => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: args } }],
});
const tool = (parameters: unknown) => ({
  type: "function",
  function: { name: "look", parameters },
});

let plain: NativeModel;
let talkative: NativeModel;

beforeAll(async () => {
  writeTinyGguf(path);
  plain = await load("");
  talkative = await load(TALKATIVE);
});

afterAll(async () => {
  for (const model of models) await model.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe("rendering", () => {
  test("gives every message its turn and opens the assistant's", async () => {
    const messages = [{ role: "system", content: "Be brief." }, user("Hi")];
    const expected =
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    expect(await render(plain, { messages })).toBe(expected);
  });

  test("opens no turn when no generation prompt is asked for", async () => {
    expect(await render(plain, { messages: [user("Hi")] }, false)).toBe(
      "<|im_start|>user\nHi<|im_end|>\n",
    );
  });

  test("leaves the last message open to continue it", async () => {
    const messages = [user("Hi"), { role: "assistant", content: "Once upon" }];
    expect(await render(plain, { messages }, false, true)).toBe(
      "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nOnce upon",
    );
  });

  test("joins text parts by line", async () => {
    const parts = [
      { type: "text", text: "one" },
      { type: "text", text: "two" },
    ];
    expect(await render(talkative, { messages: [user(parts)] })).toBe("[user]one\ntwo");
  });

  test("hands unknown roles to the template", async () => {
    expect(await render(talkative, { messages: [{ role: "pirate", content: "Arr" }] })).toBe(
      "[pirate]Arr",
    );
  });

  test("drops the BOS that the tokenizer adds by itself, and keeps one that it does not", async () => {
    expect(await render(talkative, { messages: [user("<s>x")] })).toBe("[user]<s>x");
    const other = join(folder, "no-bos.gguf");
    writeTinyGguf(other, { addBos: false, chatTemplate: TALKATIVE });
    const model = await loadTestModel(other);
    expect(await render(model, { messages: [user("x")] })).toBe("<s>[user]x");
    await model.dispose();
  });

  test("shows tools, earlier calls and keyword arguments to the template", async () => {
    expect(
      await render(talkative, {
        messages: [user("x"), toolCall('{"city":"Bern"}')],
        tools: [tool({ type: "object", properties: {} })],
        kwargs: { mood: "calm", enable_thinking: false },
      }),
    ).toBe('[user]xf(city="Bern") tools:1:look mood:calm no thinking');
  });

  test("does not judge a tool's schema", async () => {
    const schemas = [
      { type: "bogus" },
      { type: "object", properties: { a: { $ref: "#/a" } }, a: { $ref: "#/a" } },
      { type: "object", properties: { a: { type: "string", pattern: `^${"(".repeat(1e5)}$` } } },
    ];
    for (const schema of schemas) {
      const prompt = await render(talkative, { messages: [user("x")], tools: [tool(schema)] });
      expect(prompt).toBe("[user]x tools:1:look");
    }
  });

  test("gives the same prompts on many threads at once", async () => {
    const prompts = await Promise.all(
      Array.from({ length: 32 }, (_, i) => render(talkative, { messages: [user(`m${i}`)] })),
    );
    expect(prompts).toEqual(Array.from({ length: 32 }, (_, i) => `[user]m${i}`));
  });
});

describe("errors", () => {
  const cases: readonly [string, Body | string, string | RegExp][] = [
    ["no messages", { messages: [] }, "messages must not be empty"],
    ["messages that are missing", {}, "messages must be an array"],
    ["messages that are a text", { messages: "hi" }, "messages must be an array"],
    ["a body that is an array", "[1]", "messages must be an array"],
    [
      "a template that raises",
      { messages: [{ role: "nobody", content: "x" }] },
      "Nobody may not speak.",
    ],
    [
      "a message without content",
      { messages: [{ role: "user" }] },
      "Expected 'content' or 'tool_calls'",
    ],
    ["a message without role", { messages: [{ content: "x" }] }, /^Missing 'role' in message/],
    [
      "a role that is a number",
      { messages: [{ role: 1, content: "x" }] },
      "type must be string, but is number",
    ],
    ["a message that is a number", { messages: [1] }, "Expected 'message' to be an object, got 1"],
    [
      "an image",
      { messages: [user([{ type: "image_url" }])] },
      'Unsupported content part type: "image_url"',
    ],
    ["broken JSON", '{"messages":[', /^parse error at line 1, column 14/],
    [
      "arguments that are not JSON",
      { messages: [user("x"), toolCall("{")] },
      /^Failed to parse tool call arguments as JSON: parse error at line 1/,
    ],
    [
      "a tool without function",
      { messages: [user("x")], tools: [{ type: "function" }] },
      /^Missing tool function/,
    ],
  ];
  for (const [name, body, message] of cases) {
    test(`name the fault in one line: ${name}`, async () => {
      const error = await render(talkative, body).catch((reason) => reason);
      expect(error.code).toBe("template_error");
      if (typeof message === "string") expect(error.message).toBe(message);
      else expect(error.message).toMatch(message);
      expect(error.message).not.toContain("\n");
    });
  }

  test("say so when there is no template", async () => {
    const other = join(folder, "none.gguf");
    writeTinyGguf(other, { chatTemplate: null });
    const model = await loadTestModel(other);
    expect(model.info.hasChatTemplate).toBe(false);
    const error = await render(model, { messages: [user("x")] }).catch((reason) => reason);
    expect(error).toMatchObject({
      code: "template_error",
      message: "the model has no chat template; pass --chat-template",
    });
    await model.dispose();
  });

  test("stop a load with a template that does not parse", async () => {
    const error = await load("{% if %}").catch((reason) => reason);
    expect(error.code).toBe("template_error");
    expect(error.message).toStartWith("the chat template does not parse: ");
  });
});

describe("limits", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

  test("refuse nesting beyond 64 levels, in the body and in the arguments of a call", async () => {
    const deep = `{"messages":${nested(64)}}`;
    expect(render(plain, deep)).rejects.toMatchObject({ code: "template_limit" });
    const abyss = { messages: [user("x"), toolCall(nested(200_000))] };
    expect(render(talkative, abyss)).rejects.toMatchObject({ code: "template_limit" });
    const allowed = await render(talkative, {
      messages: [user("x"), toolCall(`{"a":${nested(63)}}`)],
    });
    expect(allowed).toBe(`[user]xf(a=${nested(63)})`);
  });

  test("do not count brackets within texts", async () => {
    const content = `${nested(100)}"\\`;
    expect(await render(talkative, { messages: [user(content)] })).toBe(`[user]${content}`);
  });

  test("refuse more than 2048 messages", async () => {
    const many = (count: number) => ({ messages: Array.from({ length: count }, () => user("x")) });
    expect(await render(talkative, many(2048))).toBe("[user]x".repeat(2048));
    expect(render(talkative, many(2049))).rejects.toMatchObject({ code: "template_limit" });
  });

  test("refuse more than 8 MiB, in and out", async () => {
    const large = (size: number) => ({ messages: [user("x".repeat(size))] });
    expect(render(plain, large(8 << 20))).rejects.toMatchObject({ code: "template_limit" });
    const doubling = await load(
      "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
    );
    expect((await render(doubling, large(3 << 20))).length).toBe(6 << 20);
    expect(render(doubling, large(5 << 20))).rejects.toMatchObject({ code: "template_limit" });
  });

  test("end a template that loops for longer than 2 s, and the next one is not affected", async () => {
    const loops = `{% for m in messages %}{% if m.content == 'slow' %}
{%- for i in range(50000) %}{% for j in range(50000) %}{% set y = j %}{% endfor %}{% endfor %}
{%- endif %}{{ m.content }}{% endfor %}`;
    const model = await load(loops);
    const error = await render(model, { messages: [user("slow")] }).catch((reason) => reason);
    expect([error.code, error.message]).toEqual([
      "template_limit",
      "the chat template takes longer than 2 s",
    ]);
    expect(await render(model, { messages: [user("quick")] })).toBe("quick");
  }, 20_000);

  test("refuse a list of more than 100,000 numbers, which would be built at once", async () => {
    const model = await load(
      "{% for m in messages %}{{ range(m.content|int)|length }}{% endfor %}",
    );
    expect(await render(model, { messages: [user("100000")] })).toBe("100000");
    const error = await render(model, { messages: [user("1000000000")] }).catch((reason) => reason);
    expect(error.message).toBe("range() of more than 100000 items");
  });

  test("refuse a template that nests or chains too deeply, whatever it nests", async () => {
    const times = (count: number, text: string) => text.repeat(count);
    const open = (text: string) => (count: number) => times(count, text);
    const shapes: readonly (readonly [string, (count: number) => string])[] = [
      ["brackets", (count) => `{{ ${times(count, "(")}1${times(count, ")")} }}`],
      ["lists", (count) => `{{ ${times(count, "[")}${times(count, "]")} }}`],
      ["blocks", (count) => `${times(count, "{% if 1 %}")}x${times(count, "{%- endif %}")}`],
      ["branches", (count) => `{% if 0 %}${times(count, "{% elif 0 %}")}{% endif %}`],
      ["unclosed blocks", open("{% for a in b %}")],
      ["operators", (count) => `{{ ${times(count * 30, "not ")}1 }}`],
    ];
    for (const [name, shape] of shapes) {
      const error = await load(shape(6000)).catch((reason) => reason);
      expect([name, error.code]).toEqual([name, "template_limit"]);
    }
    for (const [name, shape] of shapes.slice(0, 4)) {
      const model = await load(shape(90));
      expect([name, typeof (await render(model, { messages: [user("x")] }))]).toEqual([
        name,
        "string",
      ]);
    }
  });

  test("count neither the texts of a template nor what stands outside of its tags", async () => {
    const brackets = "(".repeat(5000);
    const model = await load(
      `${brackets}{{ '${brackets}' }}{# ${brackets} #}{{ "\\"${brackets}" }}`,
    );
    const prompt = await render(model, { messages: [user("x")] });
    expect(prompt).toBe(`${brackets}${brackets}"${brackets}`);
  });
});
