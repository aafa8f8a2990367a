// Chat templates through the addon: rendering, refusals and error messages.

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
  readonly documents?: unknown;
}

function render(
  model: NativeModel,
  body: Body | string,
  generation = true,
  continues = false,
  chatTemplate = "",
) {
  return model.applyChatTemplate({
    chatTemplate,
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
  test("adds a turn for every message and opens the assistant's turn", async () => {
    const messages = [{ role: "system", content: "Be brief." }, user("Hi")];
    const expected =
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    expect(await render(plain, { messages })).toBe(expected);
  });

  test("opens no turn if no generation prompt is requested", async () => {
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

  test("joins text parts with newlines", async () => {
    const parts = [
      { type: "text", text: "one" },
      { type: "text", text: "two" },
    ];
    expect(await render(talkative, { messages: [user(parts)] })).toBe("[user]one\ntwo");
  });

  test("passes unknown roles to the template", async () => {
    expect(await render(talkative, { messages: [{ role: "pirate", content: "Arr" }] })).toBe(
      "[pirate]Arr",
    );
  });

  test("drops the BOS that the tokenizer adds itself and keeps any other", async () => {
    expect(await render(talkative, { messages: [user("<s>x")] })).toBe("[user]<s>x");
    const other = join(folder, "no-bos.gguf");
    writeTinyGguf(other, { addBos: false, chatTemplate: TALKATIVE });
    const model = await loadTestModel(other);
    expect(await render(model, { messages: [user("x")] })).toBe("<s>[user]x");
    await model.dispose();
  });

  test("passes tools, earlier calls and keyword arguments to the template", async () => {
    expect(
      await render(talkative, {
        messages: [user("x"), toolCall('{"city":"Bern"}')],
        tools: [tool({ type: "object", properties: {} })],
        kwargs: { mood: "calm", enable_thinking: false },
      }),
    ).toBe('[user]xf(city="Bern") tools:1:look mood:calm no thinking');
  });

  test("does not validate a tool's schema", async () => {
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

  test("yields the same prompts on many threads at once", async () => {
    const prompts = await Promise.all(
      Array.from({ length: 32 }, (_, i) => render(talkative, { messages: [user(`m${i}`)] })),
    );
    expect(prompts).toEqual(Array.from({ length: 32 }, (_, i) => `[user]m${i}`));
  });
});

describe("continuing the last message", () => {
  const end = (content: unknown) => ({ role: "assistant", content });
  const goOn = (model: NativeModel, content: unknown) =>
    render(model, { messages: [user("Hi"), end(content)] }, false, true);
  const HEADER = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";

  test("ends the prompt with the message's text, including trailing white space", async () => {
    expect(await goOn(plain, "Once upon \n")).toBe(`${HEADER}Once upon \n`);
    expect(await goOn(plain, "")).toBe(HEADER);
    expect(await goOn(plain, null)).toBe(HEADER);
  });

  test("drops trailing white space if the template does", async () => {
    const model = await load("{% for m in messages %}[{{ m.content | trim }}]{% endfor %}");
    expect(await goOn(model, " Once upon \n\u00a0")).toBe("[Hi][Once upon");
    expect(await goOn(model, " ")).toBe("[Hi][");
  });

  test("continues the last content part", async () => {
    const model = await load(
      "{% for m in messages %}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endfor %}",
    );
    const parts = ["a", "b "].map((text) => ({ type: "text", text }));
    expect(await goOn(model, parts)).toBe("<Hi><a><b ");
    await expect(goOn(model, [])).rejects.toMatchObject({
      message: "continue_final_message is set, but the final message has no text to continue",
    });
  });

  test("is refused if the template omits or changes the message", async () => {
    const shapes = ["{{ messages[0].content }}", "{{ messages[-1].content | upper }}"];
    for (const shape of [...shapes, "{{ messages[-1].content | replace('O', '0') }}"]) {
      const error = await goOn(await load(shape), "Once").catch((reason) => reason);
      expect([shape, error.code, error.message]).toEqual([
        shape,
        "template_error",
        "continue_final_message is set, but the chat template drops the final message or changes its text",
      ]);
    }
  });
});

describe("template inputs", () => {
  const shown = (model: NativeModel, body: Body) =>
    render(model, body, false).then((text) => JSON.parse(text));

  test("include the same messages as in vLLM", async () => {
    const model = await load("{{ messages | tojson }}");
    const message = { role: "assistant", content: ["a", { text: "b" }, ""], reasoning: "hm", x: 1 };
    const calls = { tool_calls: [], tool_call_id: "1", name: "n" };
    expect(await shown(model, { messages: [{ ...message, ...calls }] })).toEqual([
      {
        role: "assistant",
        content: "a\nb",
        reasoning: "hm",
        reasoning_content: "hm",
        name: "n",
      },
    ]);
    const tool = { role: "tool", tool_call_id: "1", reasoning: "no" };
    expect(await shown(model, { messages: [tool] })).toEqual([
      { role: "tool", content: "", tool_call_id: "1" },
    ]);
  });

  test("include content as parts if the template loops over parts in a form that vLLM detects", async () => {
    const loops: readonly [string, boolean][] = [
      ["{% for m in messages %}{% for p in m.content %}{% endfor %}{% endfor %}", true],
      [
        "{% for m in messages[1:] %}{% for p in m['content'] | list %}{% endfor %}{% endfor %}",
        true,
      ],
      [
        "{% set a = messages %}{% set b = a[1:] %}{% for m in b if m.x %}{% for p in m.content %}{% endfor %}{% endfor %}",
        true,
      ],
      [
        "{% for m in messages %}{% set c = m.content %}{% for p in c %}{% endfor %}{% endfor %}",
        false,
      ],
      ["{% for m in messages %}{{ m.content[0].text }}{% endfor %}", false],
      ["{% for i, m in messages %}{% endfor %}{% for p in m.content %}{% endfor %}", false],
      ["{% macro f(m) %}{% for p in m.content %}{% endfor %}{% endmacro %}", false],
    ];
    for (const [loop, isParts] of loops) {
      const model = await load(
        `{% if false %}${loop}{% endif %}{{ messages[0].content | tojson }}`,
      );
      const content = await shown(model, { messages: [user("Hi")] });
      expect([loop, content]).toEqual([loop, isParts ? [{ type: "text", text: "Hi" }] : "Hi"]);
    }
  });

  test("include only the variables that were set", async () => {
    const names = ["tools", "documents", "enable_thinking", "bos_token", "eos_token", "pad_token"];
    const pairs = names.map((name) => `'${name}': ${name} if ${name} is defined else 'unset'`);
    const model = await load(`{{ {${pairs.join(", ")}} | tojson }}`);
    const nothing = {
      ...{ tools: null, documents: null, enable_thinking: "unset" },
      ...{ bos_token: "<s>", eos_token: "</s>", pad_token: "unset" },
    };
    expect(await shown(model, { messages: [user("x")] })).toEqual(nothing);
    const documents = [{ text: "a" }];
    const kwargs = { enable_thinking: true, bos_token: "<x>", messages: 1 };
    expect(await shown(model, { messages: [user("x")], documents, kwargs })).toEqual({
      ...nothing,
      ...{ documents, enable_thinking: true, bos_token: "<x>" },
    });
  });
});

describe("a template in a request", () => {
  const by = (chatTemplate: string) =>
    render(plain, { messages: [user("Hi")] }, true, false, chatTemplate);

  test("replaces the model's for this request", async () => {
    expect(await by("<{{ messages[0].content }}>")).toBe("<Hi>");
    expect(await by("")).toStartWith("<|im_start|>user\nHi");
  });

  test("works for a model without a template", async () => {
    const other = join(folder, "without.gguf");
    writeTinyGguf(other, { chatTemplate: null });
    const model = await loadTestModel(other);
    const body = { messages: [user("Hi")] };
    expect(await render(model, body, true, false, "{{ messages|length }}")).toBe("1");
    await model.dispose();
  });

  test("has the same limits as other templates, and one of 256 KiB", async () => {
    const nested = `{{ ${"(".repeat(6000)}1${")".repeat(6000)} }}`;
    const loop =
      "{% for i in range(99999) %}{% for j in range(99999) %}{% set y = j %}{% endfor %}{% endfor %}";
    const long = `{{ 1 }}${"x".repeat(256 << 10)}`;
    for (const text of [nested, loop, long]) {
      const error = await by(text).catch((reason) => reason);
      expect([text.slice(0, 20), error.code]).toEqual([text.slice(0, 20), "template_limit"]);
    }
    const broken = await by("{% if %}").catch((reason) => reason);
    expect(broken.message).toStartWith("the chat template does not parse: ");
  }, 20_000);

  test("renders correctly no matter how many templates are in use", async () => {
    const texts = Array.from({ length: 40 }, (_, i) => `${i % 20}:{{ messages[0].content }}`);
    const prompts = await Promise.all(texts.map(by));
    expect(prompts).toEqual(texts.map((_, i) => `${i % 20}:Hi`));
  });
});

describe("errors", () => {
  const cases: readonly [string, Body | string, string | RegExp][] = [
    ["no messages", { messages: [] }, "messages must not be empty"],
    ["missing messages", {}, "messages must be an array"],
    ["messages that are a string", { messages: "hi" }, "messages must be an array"],
    ["a body that is an array", "[1]", "messages must be an array"],
    [
      "a template that raises",
      { messages: [{ role: "nobody", content: "x" }] },
      "Nobody may not speak.",
    ],
    ["a message without a role", { messages: [{ content: "x" }] }, "a message has no role"],
    ["a role that is a number", { messages: [{ role: 1, content: "x" }] }, "a message has no role"],
    ["a message that is a number", { messages: [1] }, "a message must be an object"],
    [
      "content that is a number",
      { messages: [user(7)] },
      "the content of a message must be text or a list of parts",
    ],
    [
      "an image",
      { messages: [user([{ type: "image_url" }])] },
      "a content part of a message has no text",
    ],
    ["broken JSON", '{"messages":[', /^parse error at line 1, column 14/],
    [
      "arguments that are not JSON",
      { messages: [user("x"), toolCall("{")] },
      /^the arguments of a tool call are not JSON: parse error at line 1/,
    ],
    [
      "a call without a function",
      { messages: [{ role: "assistant", tool_calls: [{ id: "1" }] }] },
      "a tool call has no function",
    ],
  ];
  for (const [name, body, message] of cases) {
    test(`are reported in one line: ${name}`, async () => {
      const error = await render(talkative, body).catch((reason) => reason);
      expect(error.code).toBe("template_error");
      if (typeof message === "string") expect(error.message).toBe(message);
      else expect(error.message).toMatch(message);
      expect(error.message).not.toContain("\n");
    });
  }

  test("report a missing template", async () => {
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

  test("make loading fail if the template does not parse", async () => {
    const error = await load("{% if %}").catch((reason) => reason);
    expect(error.code).toBe("template_error");
    expect(error.message).toStartWith("the chat template does not parse: ");
  });
});

describe("limits", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

  test("refuse nesting beyond 100 levels, in the body and in call arguments", async () => {
    const deep = `{"messages":${nested(100)}}`;
    await expect(render(plain, deep)).rejects.toMatchObject({ code: "template_limit" });
    const abyss = { messages: [user("x"), toolCall(nested(200_000))] };
    await expect(render(talkative, abyss)).rejects.toMatchObject({ code: "template_limit" });
    const allowed = await render(talkative, {
      messages: [user("x"), toolCall(`{"a":${nested(99)}}`)],
    });
    expect(allowed).toBe(`[user]xf(a=${nested(99)})`);
  });

  test("do not count brackets within strings", async () => {
    const content = `${nested(200)}"\\`;
    expect(await render(talkative, { messages: [user(content)] })).toBe(`[user]${content}`);
  });

  test("refuse an object of more than 1024 members, in the body and in call arguments", async () => {
    const members = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, ":{"]));
    const calling = (count: number) => ({
      messages: [user("x"), toolCall(JSON.stringify(members(count)))],
    });
    expect(await render(talkative, calling(1024))).toStartWith('[user]xf(a0=":{"a1=":{"');
    const cases = [
      calling(1025),
      calling(300_000),
      { messages: [user("x")], kwargs: members(1025) },
    ];
    for (const body of cases) {
      const error = await render(talkative, body).catch((reason) => reason);
      expect(error.code).toBe("template_limit");
      expect(error.message).toEndWith("contain an object with more than 1024 members");
    }
  });

  test("refuse more than 2048 messages", async () => {
    const many = (count: number) => ({ messages: Array.from({ length: count }, () => user("x")) });
    expect(await render(talkative, many(2048))).toBe("[user]x".repeat(2048));
    await expect(render(talkative, many(2049))).rejects.toMatchObject({ code: "template_limit" });
  });

  test("refuse more than 8 MiB of input or output", async () => {
    const large = (size: number) => ({ messages: [user("x".repeat(size))] });
    await expect(render(plain, large(8 << 20))).rejects.toMatchObject({ code: "template_limit" });
    const doubling = await load(
      "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}",
    );
    expect((await render(doubling, large(3 << 20))).length).toBe(6 << 20);
    await expect(render(doubling, large(5 << 20))).rejects.toMatchObject({
      code: "template_limit",
    });
  });

  test("stop a template that loops for longer than 2 s, without affecting the next one", async () => {
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

  test("stop a template whose text keeps doubling before memory runs out", async () => {
    const grow = "{% set ns = namespace(x='0123456789') %}{% for i in range(60) %}";
    for (const step of ["ns.x ~ ns.x", "ns.x + ns.x", "ns.x * 9", "[ns.x, ns.x]|join"]) {
      const model = await load(
        `${grow}{% if messages[0].content == 'go' %}{% set ns.x = ${step} %}{% endif %}{% endfor %}`,
      );
      const error = await render(model, { messages: [user("go")] }).catch((reason) => reason);
      expect([step, error.code]).toEqual([step, "template_limit"]);
    }
  }, 60_000);

  test("refuse deep brackets after text that looks like the end of a tag", async () => {
    const many = 100_000;
    const brackets = `${"(".repeat(many)}1${")".repeat(many)}`;
    const texts = [
      `{{ {1: {1: 1}} and ${brackets} }}`,
      `{{ "}}" ~ ${brackets} }}`,
      `{% if {1: {1: 1}} and ${brackets} %}{% endif %}`,
      `{{ ${"{1:".repeat(30_000)}1${"}".repeat(30_000)} }}`,
    ];
    for (const text of texts) {
      const rendering = render(plain, { messages: [user("x")] }, true, false, text);
      expect(await rendering.catch((reason) => reason)).toMatchObject({ code: "template_limit" });
    }
    const shallow = `{{ ${"{1:".repeat(100)}1${"}".repeat(100)} is mapping }}`;
    expect(await render(plain, { messages: [user("x")] }, true, false, shallow)).toBe("True");
  });

  test("stop any function that walks over lists that contain the same list many times", async () => {
    const grow = `{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}
{%- set n.a = [n.a, n.a] %}{% set n.b = [n.b, n.b] %}{% endfor %}`;
    for (const walk of ["n.a == n.b", "n.a in [n.b]", "n.a|string", "n.a|tojson", "n.a|join"]) {
      const text = `${grow}{{ (${walk})|length }}`;
      const rendering = render(plain, { messages: [user("x")] }, true, false, text);
      const error = await rendering.catch((reason) => reason);
      expect([walk, error.code]).toEqual([walk, "template_limit"]);
    }
    const twice =
      "{% set a = [1] %}{% set b = [a, a] %}{{ b }} {{ b|tojson }} {{ b == [[1], [1]] }}";
    expect(await render(plain, { messages: [user("x")] }, true, false, twice)).toBe(
      "[[1], [1]] [[1], [1]] True",
    );
  }, 60_000);

  test("refuse widths and numbers of pieces that would not fit in memory", async () => {
    for (const wide of [
      "'a'|indent(100000000000)",
      "[1]|tojson(indent=2000000000)",
      "('a,' * 20000000).split(',')|length",
      "('a\n' * 20000000).splitlines()|length",
    ]) {
      const rendering = render(plain, { messages: [user("x")] }, true, false, `{{ ${wide} }}`);
      const error = await rendering.catch((reason) => reason);
      expect([wide, error.code]).toEqual([wide, "template_limit"]);
    }
  }, 60_000);

  test("refuse endlessly nested macros and values", async () => {
    const macro = "{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}";
    const grow = "{% set ns = namespace(x=0) %}{% for i in range(1000) %}";
    const cases: readonly (readonly [string, string])[] = [
      [`${macro}{{ r(100000) }}`, "statements and macro calls are nested deeper than 700 levels"],
      [`${grow}{% set ns.x = [ns.x] %}{% endfor %}`, "values are nested deeper than 200 levels"],
      [
        `${grow}{% set ns.x = {'a': ns.x} %}{% endfor %}`,
        "values are nested deeper than 200 levels",
      ],
      ["{% set a = [] %}{{ a.append(a) }}", "this Array cannot hold this Array"],
      ["{% set a = namespace() %}{% set a.b = a %}", "this Object cannot hold this Object"],
    ];
    for (const [text, message] of cases) {
      const rendering = render(plain, { messages: [user("x")] }, true, false, text);
      const error = await rendering.catch((reason) => reason);
      expect([text, error.message]).toEqual([text, message]);
    }
    const shallow = render(
      plain,
      { messages: [user("x")] },
      true,
      false,
      `${macro}{{ r(100)|length }}`,
    );
    expect(await shallow).toBe("193");
  });

  test("do not affect splits and replacements in long text", async () => {
    const model = await load(
      "{% for m in messages %}{{ m.content.split('a')|length }} {{ m.content|replace('a', 'bb')|length }}{% endfor %}",
    );
    const messages = [user("a".repeat(1_000_000))];
    expect(await render(model, { messages })).toBe("1000001 2000000");
  });

  test("refuse a range of more than 100,000 numbers, since it would be built as a list", async () => {
    const model = await load(
      "{% for m in messages %}{{ range(m.content|int)|length }}{% endfor %}",
    );
    expect(await render(model, { messages: [user("100000")] })).toBe("100000");
    const error = await render(model, { messages: [user("1000000000")] }).catch((reason) => reason);
    expect(error.message).toBe("range() of more than 100000 items");
  });

  test("refuse a template that nests or chains any construct too deeply", async () => {
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

  test("do not count string literals or text outside of tags", async () => {
    const brackets = "(".repeat(5000);
    const model = await load(
      `${brackets}{{ '${brackets}' }}{# ${brackets} #}{{ "\\"${brackets}" }}`,
    );
    const prompt = await render(model, { messages: [user("x")] });
    expect(prompt).toBe(`${brackets}${brackets}"${brackets}`);
  });
});
