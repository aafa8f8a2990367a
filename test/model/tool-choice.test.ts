// tool_choice on a real model: forced calls follow their schema in every call format, no matter
// what text the model prefers.

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Ajv } from "ajv";
import fc from "fast-check";
import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { startEngine } from "../../src/engine/start-engine.ts";
import { Front } from "../../src/front/front.ts";
import { TOOL_PARSERS, type ToolParser } from "../../src/protocol/message-parsing.ts";
import { createApp } from "../../src/server/app.ts";
import { makeContext } from "../support/fake-engine.ts";

const MODEL = join(import.meta.dir, "../../models/SmolLM2-135M-Instruct.Q4_1.gguf");
const HOST = { availableBytes: 4e9, onLoadProgress: () => {}, log: () => {} };
const PARAMETERS = {
  type: "object",
  properties: {
    city: { type: "string", enum: ["Rome", "Oslo"] },
    days: { type: "integer", minimum: 1, maximum: 9 },
    hourly: { type: "boolean" },
  },
  required: ["city", "days", "hourly"],
};
const TOOLS = ["get_weather", "get_forecast"].map((name) => ({
  type: "function",
  function: { name, parameters: PARAMETERS },
}));

/** One engine and one front serve all parsers; only the format that the API uses changes. */
const argv = ["--kv-cache-memory-bytes=64M", "--max-model-len=1024"];
const options = parseOptions("serve", { argv, env: {}, readYaml: () => ({}) }, () => {});
const engine = await startEngine(engineConfig(options, MODEL), HOST);
let toolParser: ToolParser = "hermes";
const warnings: string[] = [];
const client = new Proxy(engine, {
  get: (target, name) => {
    if (name === "info")
      return { ...target.info, chatFormat: { toolParser, reasoningParser: null } };
    const value = Reflect.get(target, name, target);
    return typeof value === "function" ? value.bind(target) : value;
  },
});
const app = createApp(makeContext(new Front(client), { warn: (text) => warnings.push(text) }));

afterAll(() => engine.shutdown());

function post(body: object): Promise<Response> {
  return app.handle(
    new Request("http://localhost/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }),
  );
}

interface Answer {
  readonly choices: readonly [
    {
      readonly message: {
        readonly content: string | null;
        readonly tool_calls: readonly { function: { name: string; arguments: string } }[];
      };
      readonly finish_reason: string;
    },
  ];
}

async function choiceOf(parser: ToolParser, fields: object) {
  toolParser = parser;
  const response = await post({
    messages: [{ role: "user", content: "What is the weather in Rome?" }],
    ...{ tools: TOOLS, max_tokens: 300, temperature: 1, seed: 7, ...fields },
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as Answer).choices[0];
}

const ARGUMENTS = {
  city: expect.stringMatching(/^(Rome|Oslo)$/),
  days: expect.any(Number),
  hourly: expect.any(Boolean),
};

describe("a forced call", () => {
  test.each(TOOL_PARSERS)("in the %s format follows the tool's schema", async (parser) => {
    const fields = { tool_choice: "required", parallel_tool_calls: false };
    const { message, finish_reason } = await choiceOf(parser, fields);
    expect(finish_reason).toBe("tool_calls");
    expect(message.content).toBe("");
    const [call] = message.tool_calls;
    expect(call?.function.name).toMatch(/^get_(weather|forecast)$/);
    expect(JSON.parse(call?.function.arguments ?? "")).toEqual(ARGUMENTS);
  });

  test("calls the named tool, with finish reason stop", async () => {
    const choice = { type: "function", function: { name: "get_forecast" } };
    const { message, finish_reason } = await choiceOf("hermes", { tool_choice: choice });
    expect(finish_reason).toBe("stop");
    expect(message.tool_calls).toHaveLength(1);
    expect(message.tool_calls[0]?.function.name).toBe("get_forecast");
  });

  test("that is cut off by max_tokens is returned as text", async () => {
    const fields = { tool_choice: "required", max_tokens: 12 };
    const { message, finish_reason } = await choiceOf("hermes", fields);
    expect(finish_reason).toBe("length");
    expect(message.tool_calls).toEqual([]);
    expect(message.content).toStartWith("<tool_call>");
  });
});

describe("a forced call to any tool", () => {
  const leaf = fc.constantFrom<object>(
    { type: "integer", minimum: 0, maximum: 99 },
    { type: "boolean" },
    { enum: ["red", "a b", "5", "true"] },
    { type: "string", enum: ['x"y', "<z>", "é"] },
    { type: "string", maxLength: 6 },
    { anyOf: [{ type: "string", maxLength: 5 }, { type: "null" }] },
    { type: ["integer", "null"], minimum: 0, maximum: 9 },
    { const: 7 },
  );
  const closed = { type: fc.constant("object"), additionalProperties: fc.constant(false) };
  const { schema } = fc.letrec<{ schema: object }>((tie) => ({
    schema: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.record({ type: fc.constant("array"), items: tie("schema"), maxItems: fc.constant(2) }),
      fc.record({
        ...closed,
        properties: fc.dictionary(fc.constantFrom("k1", "k2"), tie("schema"), { minKeys: 1 }),
      }),
    ),
  }));
  const parameters = fc
    .dictionary(fc.constantFrom("alpha", "beta", "gamma", "d_e"), schema, { maxKeys: 3 })
    .chain((properties) =>
      fc.record({
        ...{ ...closed, properties: fc.constant(properties) },
        required: fc.subarray(Object.keys(properties)),
      }),
    );
  const parsers = [
    "hermes",
    "qwen3_coder",
    "glm45",
    "minimax_m2",
    "lfm2",
    "gemma4",
    "deepseek_v32",
  ];

  test.each(parsers as ToolParser[])(
    "in the %s format follows its schema or is cut off",
    async (parser) => {
      for (const [seed, own] of fc.sample(parameters, { numRuns: 5, seed: 5 }).entries()) {
        const tools = [{ type: "function", function: { name: "f", parameters: own } }];
        const forced = { tools, tool_choice: "required", parallel_tool_calls: false };
        const { message, finish_reason } = await choiceOf(parser, {
          ...forced,
          seed,
          max_tokens: 120,
        });
        if (finish_reason === "length") continue;
        const args = JSON.parse(message.tool_calls[0]?.function.arguments ?? "");
        const isValid = new Ajv({ strict: false }).compile(own);
        expect([own, args, isValid(args)]).toEqual([own, args, true]);
      }
    },
    60_000,
  );
});

describe("a tool that the model may call", () => {
  test("does not constrain the text", async () => {
    const { message, finish_reason } = await choiceOf("hermes", { max_tokens: 8, temperature: 0 });
    expect(finish_reason).toBe("length");
    expect(message.content).toMatch(/\w/);
  });

  test("can be one of 80 tools with 150 kB of schemas, some of which cannot be enforced", async () => {
    const text = { type: "string", maxLength: 100_000, description: "What it is for. ".repeat(20) };
    const pattern = { type: "string", pattern: "^(?!/)[a-z]+$", format: "uri-reference" };
    const tools = Array.from({ length: 80 }, (_, i) => {
      const names = ["a", "b", "c", "d", "e"].map((name) => [`${name}_${i}`, text]);
      const properties = {
        ...Object.fromEntries(names),
        path: i === 7 ? pattern : { type: "string" },
      };
      const parameters = { type: "object", properties, required: ["path"] };
      return { type: "function", function: { name: `tool_${i}`, parameters } };
    });
    expect(JSON.stringify(tools).length).toBeGreaterThan(150_000);
    warnings.length = 0;
    const { finish_reason } = await choiceOf("hermes", { tools, max_tokens: 4 });
    expect(finish_reason).toBe("length");
    const unenforced = (name: string, keyword: string) =>
      `tool "${name}": the keyword ${keyword} of its parameters cannot be enforced`;
    expect(warnings).toContain(unenforced("tool_7", "pattern"));
    expect(warnings.some((warning) => warning.includes("not constrained"))).toBe(false);
    const forced = await choiceOf("hermes", { tools, tool_choice: "required", max_tokens: 20 });
    expect(forced.message.content).toMatch(/^<tool_call>\n\{"name": "tool_\d+", /);
  });

  test("is an alternative to text in the requested response_format", async () => {
    const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
    const json_schema = { name: "x", schema: { ...schema, additionalProperties: false } };
    const response_format = { type: "json_schema", json_schema };
    const fields = { response_format, parallel_tool_calls: false, temperature: 0 };
    const { message } = await choiceOf("hermes", fields);
    const said = message.tool_calls[0]?.function.arguments ?? message.content ?? "";
    expect(Object.keys(JSON.parse(said))).toContain(message.content === null ? "city" : "ok");
  });

  test("with a schema that cannot be enforced is not refused, unless it is strict", async () => {
    const parameters = { type: "object", properties: { a: { type: "string", pattern: "(?=b)" } } };
    const named = { name: "f", parameters };
    const loose = [{ type: "function", function: named }];
    await choiceOf("hermes", { tools: loose, max_tokens: 2 });
    const response = await post({
      messages: [{ role: "user", content: "Hi" }],
      tools: [{ type: "function", function: { ...named, strict: true } }],
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: "tools" } });
  });
});
