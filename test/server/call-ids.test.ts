// Tool call IDs on the routes that agents use, for models whose templates accept only their own ID format.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const CALLS = '[TOOL_CALLS][{"name": "f", "arguments": {}}, {"name": "f", "arguments": {}}]';

function appWith(toolParser: "mistral" | "hermes", answer: string) {
  return makeApp({ model: { answer }, chatFormat: { toolParser, reasoningParser: null } });
}

const HERMES = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>\n'.repeat(2);

async function idsOf(path: string, body: object, parser: "mistral" | "hermes") {
  const { post } = appWith(parser, parser === "mistral" ? CALLS : HERMES);
  const answer = (await (await post(path, body)).json()) as {
    content?: { id: string }[];
    output?: { call_id: string }[];
  };
  return answer.content?.map(({ id }) => id) ?? answer.output?.map(({ call_id }) => call_id);
}

const MESSAGE = {
  ...{ max_tokens: 200, messages: [{ role: "user", content: "hi" }] },
  tools: [{ name: "f", input_schema: { type: "object" } }],
};
const RESPONSE = { input: "hi", tools: [{ type: "function", name: "f" }] };

describe("call IDs", () => {
  test.each([
    ["/v1/messages", MESSAGE],
    ["/v1/responses", RESPONSE],
  ])("on %s have nine letters and digits for Mistral's templates", async (path, body) => {
    const ids = (await idsOf(path, body, "mistral")) ?? [];
    expect(ids).toEqual([
      expect.stringMatching(/^[a-z0-9]{9}$/),
      expect.stringMatching(/^[a-z0-9]{9}$/),
    ]);
    expect(ids[0]).not.toBe(ids[1]);
  });

  test("otherwise have each API's format", async () => {
    const toolu = expect.stringMatching(/^toolu_[0-9a-f]{16}$/);
    expect(await idsOf("/v1/messages", MESSAGE, "hermes")).toEqual([toolu, toolu]);
    const call = expect.stringMatching(/^call_[0-9a-f]{16}$/);
    expect(await idsOf("/v1/responses", RESPONSE, "hermes")).toEqual([call, call]);
  });
});
