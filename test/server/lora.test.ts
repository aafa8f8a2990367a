// LoRA adapters over HTTP: loading and unloading, the list of models, and requests that name an adapter as their model.

import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";
import { AdapterRegistry } from "../../src/front/adapter-registry.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { makeApp, makeEngine, readEvents } from "../support/fake-engine.ts";
import { until } from "../support/waiting.ts";

const adapterLimits = { maxLoras: 2, maxLoadedLoras: 3 };

function setUp(context: Partial<ServerContext> = {}) {
  const parts = makeApp(
    { scheduler: { adapterLimits }, model: { stepTurns: 1 } },
    { allowsLoraUpdates: true, ...context },
  );
  const { app, post } = parts;
  const load = async (lora_name: unknown, lora_path: unknown, more: object = {}) => {
    const response = await post("/v1/load_lora_adapter", { lora_name, lora_path, ...more });
    return [response.status, await response.text()] as const;
  };
  const unload = async (lora_name: unknown) => {
    const response = await post("/v1/unload_lora_adapter", { lora_name });
    return [response.status, await response.text()] as const;
  };
  const get = async (path: string) => {
    const response = await app.handle(new Request(`http://localhost${path}`));
    return { status: response.status, body: (await response.json()) as ModelList };
  };
  const complete = async (model: string, more: object = {}) => {
    const response = await post("/v1/completions", { model, prompt: "Once", ...GREEDY, ...more });
    return (await response.json()) as { model: string; choices: { text: string }[] };
  };
  return { ...parts, load, unload, get, complete };
}

interface ModelList {
  readonly data: readonly Record<string, unknown>[];
  readonly first_id: string;
  readonly last_id: string;
}

const GREEDY = { max_tokens: 6, temperature: 0 };

const errorOf = (text: string) => {
  const { type, message, code, param } = JSON.parse(text).error;
  return [code, type, message, param];
};

describe("/v1/load_lora_adapter", () => {
  test("loads an adapter, which requests can then use", async () => {
    const { load, complete } = setUp();
    const base = await complete("tiny");
    expect(await load("sql", "/sql")).toEqual([
      200,
      "Success: LoRA adapter 'sql' added successfully.",
    ]);
    const adapted = await complete("sql");
    expect([base.model, adapted.model]).toEqual(["tiny", "sql"]);
    expect(adapted.choices[0]?.text).toHaveLength(6);
    expect(adapted.choices[0]?.text).not.toBe(base.choices[0]?.text as string);
    expect((await complete("")).choices).toMatchObject([{ text: base.choices[0]?.text as string }]);
  });

  test.each([
    [{}, 400, "InvalidUserInput", "Both 'lora_name' and 'lora_path' must be provided."],
    [{ lora_name: "a" }, 400, "InvalidUserInput", "Both 'lora_name' and 'lora_path'"],
    [{ lora_name: "", lora_path: "/a" }, 400, "InvalidUserInput", "Both 'lora_name'"],
    [{ lora_name: "a", lora_path: "" }, 400, "InvalidUserInput", "Both 'lora_name'"],
    [{ lora_name: 5, lora_path: "/a" }, 400, "Bad Request", "valid string"],
    [{ lora_name: "tiny", lora_path: "/a" }, 400, "InvalidUserInput", "base model has the name"],
    [{ lora_name: "a,b", lora_path: "/a" }, 400, "InvalidUserInput", "commas or control"],
    [{ lora_name: "a\0b", lora_path: "/a" }, 400, "InvalidUserInput", "commas or control"],
    [{ lora_name: "a".repeat(257), lora_path: "/a" }, 400, "InvalidUserInput", "256 characters"],
    [{ lora_name: "a".repeat(10_000), lora_path: "/a" }, 400, "InvalidUserInput", "256"],
    [{ lora_name: "a", lora_path: "/missing" }, 404, "NotFoundError", "No adapter found for"],
    [{ lora_name: "a", lora_path: "/bad" }, 400, "BadRequestError", "rank 512 exceeds 16"],
  ])("refuses %o", async (body, code, type, message) => {
    const { post, get } = setUp();
    const response = await post("/v1/load_lora_adapter", body);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect([response.status, error["code"], error["type"]]).toEqual([code, code, type]);
    expect(error["message"]).toContain(message);
    expect((await get("/v1/models")).body.data).toHaveLength(1);
  });

  test("has vLLM's messages for a taken name and for a missing file", async () => {
    const { load } = setUp();
    await load("sql", "/sql");
    expect(errorOf((await load("sql", "/other"))[1])).toEqual([
      ...[400, "InvalidUserInput"],
      "The lora adapter 'sql' has already been loaded. If you want to load the adapter in place, set 'load_inplace' to True.",
      null,
    ]);
    expect(errorOf((await load("x", "/missing"))[1])).toEqual([
      ...[404, "NotFoundError", "Loading lora x failed: No adapter found for /missing", null],
    ]);
  });

  test("replaces an adapter in place, without reusing its cached blocks", async () => {
    const { load, post, runner } = setUp();
    const cached = async (model: string) => {
      const body = { model, prompt: "a".repeat(64), ...GREEDY };
      const { usage, choices } = (await (await post("/v1/completions", body)).json()) as never as {
        usage: { prompt_tokens_details: { cached_tokens: number } | null };
        choices: { text: string }[];
      };
      return [usage.prompt_tokens_details?.cached_tokens ?? 0, choices[0]?.text];
    };
    await load("sql", "/old");
    const [, before] = await cached("sql");
    expect(await cached("sql")).toEqual([64, before]);
    expect((await load("sql", "/new", { load_inplace: true }))[0]).toBe(200);
    const [numCached, after] = await cached("sql");
    expect(numCached).toBe(0);
    expect(after).not.toBe(before);
    await until(() => runner.adapters.size === 1);
    expect([...runner.adapters.values()]).toEqual(["/new"]);
  });

  test("loads only one of two adapters with the same name that arrive together", async () => {
    const { load } = setUp();
    const statuses = await Promise.all([load("sql", "/a"), load("sql", "/b")]);
    expect(statuses.map(([status]) => status)).toEqual([200, 400]);
  });

  test("refuses all adapters if LoRA is off", async () => {
    const { post } = makeApp({}, { allowsLoraUpdates: true });
    const response = await post("/v1/load_lora_adapter", { lora_name: "a", lora_path: "/a" });
    expect(errorOf(await response.text())).toEqual([
      ...[400, "BadRequestError", "LoRA is not enabled. Use --enable-lora to enable LoRA.", null],
    ]);
  });
});

describe("/v1/unload_lora_adapter", () => {
  test("removes an adapter; its running requests continue", async () => {
    const { load, unload, complete, engine, runner } = setUp();
    await load("sql", "/sql");
    const running = complete("sql", { max_tokens: 300 });
    await until(() => engine.numLiveSequences === 1);
    expect(await unload("sql")).toEqual([200, "Success: LoRA adapter 'sql' removed successfully."]);
    expect((await complete("sql")) as object).toMatchObject({ error: { code: 404 } });
    expect((await running).choices[0]?.text).toHaveLength(300);
    await until(() => runner.adapters.size === 0);
  });

  test("has vLLM's messages for a missing or unknown name", async () => {
    const { unload, post } = setUp();
    expect(errorOf((await unload("sql"))[1])).toEqual([
      ...[404, "NotFoundError", "The lora adapter 'sql' cannot be found.", null],
    ]);
    const missing = await post("/v1/unload_lora_adapter", {});
    expect(errorOf(await missing.text())).toEqual([
      ...[400, "InvalidUserInput", "'lora_name' needs to be provided to unload a LoRA adapter."],
      null,
    ]);
    expect(errorOf((await unload("a".repeat(10_000)))[1])[2]).toHaveLength(295);
  });

  test("leaves nothing behind after a thousand loads and unloads", async () => {
    const { load, unload, get, runner } = setUp();
    for (let i = 0; i < 1000; i++) {
      expect((await load(`a${i % 7}`, "/a"))[0]).toBe(200);
      expect((await unload(`a${i % 7}`))[0]).toBe(200);
    }
    expect((await get("/v1/models")).body.data).toHaveLength(1);
    await until(() => runner.adapters.size === 0);
  });
});

describe("the routes for adapters", () => {
  test.each<[string, Partial<ServerContext>, number]>([
    ["without a key, unless VLLM_ALLOW_RUNTIME_LORA_UPDATING is set", {}, 404],
    ["with a key", { apiKeys: ["secret"] }, 200],
  ])("exist only with permission: %s", async (_, context, status) => {
    const { post } = setUp({ allowsLoraUpdates: false, ...context });
    const body = { lora_name: "a", lora_path: "/a" };
    const keyed = { authorization: "Bearer secret" };
    const response = await post("/v1/load_lora_adapter", body, keyed);
    expect(response.status).toBe(status);
    if (status === 404)
      expect(await response.text()).toContain("VLLM_ALLOW_RUNTIME_LORA_UPDATING=1");
  });

  test("require the key if there is one", async () => {
    const { load } = setUp({ apiKeys: ["secret"] });
    expect((await load("a", "/a"))[0]).toBe(401);
  });
});

describe("adapters in /v1/models", () => {
  test("have a card with the path as root and the base model as parent", async () => {
    const { load, get } = setUp();
    await load("team/sql", "/sql");
    const { body } = await get("/v1/models");
    expect(body.data).toMatchObject([
      { id: "tiny", root: "tiny.gguf", parent: null },
      { id: "team/sql", object: "model", owned_by: "vllm", root: "/sql", parent: "tiny" },
    ]);
    expect(Object.keys(body.data[1] ?? {})).toEqual(Object.keys(body.data[0] ?? {}));
    expect([body.first_id, body.last_id]).toEqual(["tiny", "team/sql"]);
    expect(body.data[1]?.["permission"]).toMatchObject([{ id: "modelperm-team/sql" }]);
    expect((await get("/v1/models/team/sql")).body as object).toEqual(body.data[1] ?? {});
    expect((await get("/v1/models/other")).status).toBe(404);
  });
});

describe("a request for an adapter", () => {
  const messages = [{ role: "user", content: "Hi" }];

  test.each([
    ["/v1/chat/completions", { messages, ...GREEDY }],
    ["/v1/completions", { prompt: "Hi", ...GREEDY }],
    ["/v1/responses", { input: "Hi", max_output_tokens: 6, temperature: 0 }],
    ["/v1/messages", { messages, max_tokens: 6, temperature: 0 }],
    ["/invocations", { messages, ...GREEDY }],
  ])(
    "is computed with the adapter, which the response names as the model: %s",
    async (path, body) => {
      const { load, post, runner } = setUp();
      await load("sql", "/sql");
      await load("claude-sql", "/claude");
      const textOf = async (model: string) => {
        const response = await post(path, { ...body, model });
        const text = await response.text();
        expect(response.status).toBe(200);
        expect(JSON.parse(text).model).toBe(model);
        return text.replace(/"id":"[^"]*"|"created(_at)?":\d+|"model":"[^"]*"/g, "");
      };
      const texts = [await textOf("tiny"), await textOf("sql"), await textOf("claude-sql")];
      expect(new Set(texts).size).toBe(3);
      expect([...runner.adapters.values()]).toEqual(["/sql", "/claude"]);
    },
  );

  test("gets chunks that all name the adapter if it is streamed", async () => {
    const { load, post } = setUp();
    await load("sql", "/sql");
    for (const [path, body] of [
      ["/v1/chat/completions", { messages }],
      ["/v1/completions", { prompt: "Hi" }],
    ] as const) {
      const events = await readEvents(
        await post(path, { ...body, ...GREEDY, model: "sql", stream: true }),
      );
      const models = events.slice(0, -1).map((event) => (event as { model: string }).model);
      expect(new Set(models)).toEqual(new Set(["sql"]));
    }
  });

  test.each([
    ["/inference/v1/generate", { token_ids: [72, 105], sampling_params: GREEDY }],
    ["/tokenize", { prompt: "Hi" }],
    ["/detokenize", { tokens: [72, 105] }],
    ["/v1/messages/count_tokens", { messages }],
    ["/v1/responses/input_tokens", { input: "Hi" }],
  ])("is accepted by %s and refused for an unknown name", async (path, body) => {
    const { load, post } = setUp();
    await load("sql", "/sql");
    expect((await post(path, { ...body, model: "sql" })).status).toBe(200);
    const refused = await post(path, { ...body, model: "other" });
    expect(refused.status).toBe(404);
    expect(errorOf(await refused.text())[2]).toBe("The model `other` does not exist.");
  });

  test("can use beams, n sequences and prompt log-probabilities", async () => {
    const { load, complete } = setUp();
    await load("sql", "/sql");
    const beams = await complete("sql", { use_beam_search: true, n: 2 });
    const plain = await complete("tiny", { use_beam_search: true, n: 2 });
    expect(beams.choices).toHaveLength(2);
    expect(beams.choices[0]?.text).not.toBe(plain.choices[0]?.text as string);
    const several = await complete("sql", { n: 3, temperature: 1, prompt_logprobs: 1 });
    expect(several.choices).toHaveLength(3);
  });

  test("works with OpenAI's client", async () => {
    const { load, app } = setUp();
    await load("sql", "/sql");
    const client = new OpenAI({
      ...{ baseURL: "http://localhost/v1", apiKey: "none", maxRetries: 0 },
      fetch: (url, init) => Promise.resolve(app.handle(new Request(url as string, init as object))),
    });
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(["tiny", "sql"]);
    const chat = await client.chat.completions.create({
      ...{ model: "sql", messages: [{ role: "user", content: "Hi" }], max_tokens: 4 },
    });
    expect([chat.model, chat.choices.length]).toEqual(["sql", 1]);
    const missing = client.chat.completions.create({ model: "x", messages: [] });
    expect(await missing.catch(({ status }) => status)).toBe(404);
  });
});

test("ten thousand adapters with long names can be listed, found and used", async () => {
  const { load, get, complete, runner } = setUp();
  const nameOf = (i: number) => `${i}-`.padEnd(256, "é");
  for (let i = 0; i < 10_000; i++) expect((await load(nameOf(i), "/a"))[0]).toBe(200);
  expect((await get("/v1/models")).body.data).toHaveLength(10_001);
  const { model, choices } = await complete(nameOf(5000));
  expect([model, choices.length]).toEqual([nameOf(5000), 1]);
  expect(runner.adapters.size).toBeLessThanOrEqual(4);
}, 30_000);

describe("allowed paths", () => {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-lora-"));
  const inside = join(folder, "allowed");
  mkdirSync(join(inside, "sub"), { recursive: true });
  for (const path of ["secret", "allowed/a", "allowed/sub/b", "allowed-too"])
    writeFileSync(join(folder, path), "");
  symlinkSync(join(folder, "secret"), join(inside, "link-out"));
  symlinkSync(join(inside, "a"), join(inside, "link-in"));

  function registry() {
    const { engine } = makeEngine({ scheduler: { adapterLimits } });
    return new AdapterRegistry({
      ...{ calls: engine.calls, isEnabled: true, modelNames: ["tiny"], allowedPaths: [inside] },
    });
  }

  test("are logged with each load, whereas an unload logs only the name", async () => {
    const { engine } = makeEngine({ scheduler: { adapterLimits } });
    const lines: string[] = [];
    const adapters = new AdapterRegistry({
      ...{ calls: engine.calls, isEnabled: true, modelNames: ["tiny"], allowedPaths: [] },
      log: (line) => lines.push(line),
    });
    await adapters.load({ name: "sql", path: "/a\nb" });
    await adapters.load({ name: "x", path: "/missing" }).catch(() => {});
    await adapters.unload("sql");
    expect(lines).toEqual(['loaded LoRA adapter sql from "/a\\nb"', "removed LoRA adapter sql"]);
  });

  test.each(["a", "sub/b", "link-in", "sub/../a"])("include %s", async (path) => {
    const adapters = registry();
    await adapters.load({ name: "x", path: join(inside, path) });
    expect(adapters.find("x")?.path.startsWith(inside)).toBe(true);
  });

  test.each(["../secret", "link-out", "../allowed-too", "", "..", "../absent"])(
    "exclude %p",
    async (path) => {
      const refused = registry().load({ name: "x", path: `${inside}/${path}` });
      expect(await refused.catch(({ code, message }) => [code, message])).toEqual([
        "adapter_refused",
        expect.stringContaining("is outside the folders of --allowed-lora-paths"),
      ]);
    },
  );

  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
});
