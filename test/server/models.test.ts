// /v1/models as each kind of client reads it.

import { afterAll, describe, expect, test } from "bun:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { startFakeServer } from "../support/fake-server.ts";

const names = ["org/tiny", "alias"];
const server = await startFakeServer({}, { servedModelNames: names });
afterAll(() => server.stop());

const get = (path: string) => fetch(`${server.url}/v1/models${path}`);

interface List {
  readonly data: readonly Record<string, unknown>[];
  readonly models: readonly Record<string, unknown>[];
}

describe("the list of models", () => {
  test("reports the context length under the name that each client expects", async () => {
    const { data, models } = (await (await get("")).json()) as List;
    expect(data[0]).toMatchObject({
      ...{ id: "org/tiny", max_model_len: 1024, context_length: 1024 },
      meta: { n_ctx: 1024, n_ctx_train: expect.any(Number) },
    });
    expect(models[0]).toMatchObject({ slug: "org/tiny", context_window: 1024 });
  });

  test("has every member that any version of Codex requires", async () => {
    const { models } = (await (await get("?client_version=0.145.0")).json()) as List;
    const required = [
      ...["slug", "display_name", "supported_reasoning_levels", "shell_type", "visibility"],
      ...["supported_in_api", "priority", "base_instructions", "supports_reasoning_summaries"],
      ...["support_verbosity", "truncation_policy", "supports_parallel_tool_calls"],
      ...["experimental_supported_tools", "input_modalities"],
    ];
    expect(models).toHaveLength(2);
    for (const name of required)
      expect([name, models[1]?.[name] ?? null]).not.toEqual([name, null]);
    expect(models[1]?.["base_instructions"]).not.toBe("");
  });

  test("can be read by OpenAI's and Anthropic's clients", async () => {
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "x" });
    expect((await openai.models.list()).data.map(({ id }) => id)).toEqual(names);
    expect((await openai.models.retrieve("org/tiny")).id).toBe("org/tiny");
    const anthropic = new Anthropic({ baseURL: server.url, apiKey: "x" });
    const shown: string[] = [];
    for await (const { display_name } of anthropic.models.list({ limit: 1000 }))
      shown.push(display_name);
    expect(shown).toEqual(names);
    expect((await anthropic.models.retrieve("claude-sonnet-4-6")).id).toBe("org/tiny");
  });
});

describe("a model", () => {
  test.each([
    ["/org/tiny", "org/tiny"],
    ["/org%2Ftiny?x=1", "org/tiny"],
    ["/alias", "alias"],
  ])("%s has the same card as in the list", async (path, id) => {
    const { data } = (await (await get("")).json()) as List;
    const found = data.find((card) => card["id"] === id);
    expect(await (await get(path)).json()).toEqual(found);
  });

  test("is not found if it is not served", async () => {
    const response = await get("/other");
    expect([response.status, await response.json()]).toEqual([
      404,
      {
        error: {
          ...{ message: "The model `other` does not exist.", type: "NotFoundError" },
          ...{ param: null, code: 404 },
        },
      },
    ]);
  });
});
