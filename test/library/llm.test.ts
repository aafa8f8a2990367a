// The LLM object with the fake model: batches, metrics, sleep, disposal, and apps that use it.

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import { LLM, partsOf } from "../../src/library/llm.ts";
import type { GenerateOptions, LoadOptions } from "../../src/library/options.ts";
import { createApp, type ServeOptions, serve } from "../../src/library/server.ts";
import { makeLlm } from "../support/fake-llm.ts";
import { settled, until } from "../support/waiting.ts";

const SHORT = { maxTokens: 3, temperature: 0, ignoreEos: true };

async function textOf(llm: ReturnType<typeof makeLlm>["llm"], prompt: string): Promise<string> {
  return (await llm.generate(prompt, SHORT).result).text;
}

const ask = (path: string, body?: object) =>
  new Request(`http://localhost${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe("generateAll", () => {
  test("returns results in prompt order, no matter how long each takes", async () => {
    const { llm } = makeLlm();
    const prompts = ["one", "two", "three", "four", "five"];
    const results = await Array.fromAsync(llm.generateAll(prompts, { ...SHORT, maxInFlight: 2 }));
    const alone = [];
    for (const prompt of prompts) alone.push(await textOf(llm, prompt));
    expect(results.map(({ text }) => text)).toEqual(alone);
    expect(await Array.fromAsync(llm.generateAll([]))).toEqual([]);
  });

  test("reads no more prompts than can be in flight", async () => {
    const { llm } = makeLlm();
    let taken = 0;
    async function* prompts() {
      for (;;) yield `prompt ${taken++}`;
    }
    const results = llm.generateAll(prompts(), { ...SHORT, maxInFlight: 3 });
    await results.next();
    expect(taken).toBe(3);
    await results.return(undefined);
    expect(taken).toBeLessThanOrEqual(4);
  });

  test("aborts running requests when the loop exits, and throws when a prompt fails", async () => {
    const { llm, scheduler } = makeLlm();
    for await (const _ of llm.generateAll(["a", "b", "c"], { ...SHORT, maxInFlight: 3 })) break;
    await until(() => !scheduler.hasWork);
    expect(scheduler.kvCache.pool.usage).toBe(0);
    const bad = Array.fromAsync(llm.generateAll(["fine", "x".repeat(3000)], SHORT));
    expect(await bad.catch((error) => error.code)).toBe("context_length");
    const none = Array.fromAsync(llm.generateAll(["a"], { maxInFlight: 0 }));
    expect(await none.catch((error) => error.code)).toBe("invalid_option");
  });
});

describe("LLM.load", () => {
  test("rejects unsupported options by name before it looks for the model", async () => {
    for (const [options, message] of [
      [{ toolServer: "demo" }, "toolServer: server-side tools are not supported yet; remove it"],
      [
        { kvTransferConfig: { kv_connector: "NixlConnector" } },
        "kvTransferConfig: KV connectors are not supported yet; remove it",
      ],
    ] as const) {
      const refused = LLM.load("no-such.gguf", { ...options, offline: true } as LoadOptions);
      expect(await refused.catch(({ code, message }) => [code, message])).toEqual([
        "unsupported_option",
        message,
      ]);
    }
    const off = {
      enableLora: false,
      kvTransferConfig: null,
      offline: true,
    };
    const absent = LLM.load("no-such.gguf", off as LoadOptions);
    expect(await absent.catch(({ code }) => code)).toBe("model_not_found");
  });

  test.each(["", 5])("rejects %p as a model name", async (name) => {
    const refused = LLM.load("no-such.gguf", { name } as LoadOptions);
    await expect(refused).rejects.toThrow(`name must be a non-empty string, got ${name}`);
  });

  test("stops a download when its signal is aborted, and keeps the partial file", async () => {
    const abort = new AbortController();
    const store = createServer((_, answer) => {
      answer.writeHead(200, { "content-length": 1_000_000 });
      answer.write("GGUF, and no more");
      setTimeout(() => abort.abort(new Error("enough")), 50); // after the client has read
    });
    await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
    const { port } = store.address() as AddressInfo;
    const cache = mkdtempSync(join(tmpdir(), "pagoda-"));
    process.env["XDG_CACHE_HOME"] = cache;
    try {
      const url = `http://127.0.0.1:${port}/m.gguf`;
      await expect(LLM.load(url, { signal: abort.signal })).rejects.toThrow("enough");
      const part = join(cache, "pagoda", "models", `127.0.0.1_${port}`, "m.gguf.part");
      expect(readFileSync(part, "utf8")).toBe("GGUF, and no more");
    } finally {
      delete process.env["XDG_CACHE_HOME"];
      store.closeAllConnections();
      store.close();
      rmSync(cache, { recursive: true });
    }
  });

  test.each([[null], [[]], ["x"], [5]])(
    "rejects %p as options, and so do generate() and chat()",
    async (options) => {
      const given = options as unknown as LoadOptions & GenerateOptions;
      const message = "options must be an object";
      await expect(LLM.load("no-such.gguf", given)).rejects.toThrow(message);
      const { llm } = makeLlm();
      const calls = [llm.generate("a", given), llm.chat([{ role: "user", content: "a" }], given)];
      for (const { result } of calls)
        await expect(result as Promise<object>).rejects.toThrow(message);
    },
  );
});

describe("an LLM", () => {
  test("reports its properties, tokenizes, and renders chats", async () => {
    const { llm } = makeLlm();
    expect(llm.model).toMatchObject({ name: "tiny", contextLength: 1024, vocabSize: 258 });
    const ids = await llm.tokenizer.encode("hé");
    expect([...ids]).toEqual([256, 104, 195, 169]);
    expect(await llm.tokenizer.decode(ids)).toBe("hé");
    expect([...(await llm.tokenizer.encode("h", { addSpecial: false }))]).toEqual([104]);
    const chat = await llm.tokenizer.applyChatTemplate([{ role: "user", content: "hi" }]);
    expect(chat.prompt).toBe("user: hi\nassistant: ");
  });

  test("rejects invalid token ids, and decodes ids outside the vocabulary to an empty string", async () => {
    const { tokenizer } = makeLlm().llm;
    expect(await tokenizer.decode([2 ** 32 + 104, 105, 2 ** 31, 104])).toBe("ih");
    for (const ids of [[-1], [104.5], [Number.NaN], Int32Array.of(104, -5)]) {
      expect(await tokenizer.decode(ids).catch((error) => error.code)).toBe("invalid_schema");
    }
  });

  test("rejects a signal and token ids of another type with an error of its own", async () => {
    const { llm } = makeLlm();
    const signal = { signal: 5 } as unknown as GenerateOptions;
    await expect(llm.generate("a", signal).result).rejects.toMatchObject({
      code: "invalid_value",
      message: "signal must be an AbortSignal",
    });
    await expect(llm.tokenizer.decode("a" as never)).rejects.toMatchObject({
      code: "invalid_schema",
    });
  });

  test("rejects an unknown option and suggests a similar one", async () => {
    const { llm } = makeLlm();
    const refusal = (asked: Promise<unknown>) =>
      asked.catch(({ code, message }) => [code, message]);
    const generate = (options: object) => refusal(llm.generate("hi", options).result);
    expect(await generate({ max_tokens: 3 })).toEqual([
      "invalid_value",
      "unknown option max_tokens; did you mean maxTokens?",
    ]);
    expect(await generate({ addGenerationPrompt: true })).toEqual([
      "invalid_value",
      "unknown option addGenerationPrompt",
    ]);
    const chat = llm.chat([{ role: "user", content: "hi" }], { topp: 0.5 } as object);
    expect(await refusal(chat.result)).toEqual([
      "invalid_value",
      "unknown option topp; did you mean topP?",
    ]);
    expect(await generate({ nosuch: undefined, maxTokens: 1 })).toMatchObject({ index: 0 });
    const mode = "keepalive" as "keep";
    expect(await refusal(llm.sleep(1, { mode }))).toEqual([
      "invalid_value",
      "mode must be one of abort, wait, keep, got keepalive.",
    ]);
  });

  test("accepts only a single prompt, since the outputs of several prompts would be mixed", async () => {
    const { llm } = makeLlm();
    for (const prompt of [
      ["a", "b"],
      [[1], [2]],
    ] as unknown as string[]) {
      const { result } = llm.generate(prompt);
      expect(await result.catch(({ code, message }) => [code, message])).toEqual([
        "invalid_value",
        "expected one prompt; use generateAll() for several.",
      ]);
    }
  });

  test("answers a chat with tool calls and reasoning, in a message that can be appended", async () => {
    const answer = '<think>Hm.</think><tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>';
    const chatFormat = { toolParser: "hermes", reasoningParser: "qwen3" } as const;
    const { llm } = makeLlm({ model: { answer }, chatFormat });
    const messages = [{ role: "user", content: "hi" }];
    const tools = [{ type: "function", function: { name: "f" } }];
    const generation = llm.chat(messages, { tools, toolChoice: "required", maxTokens: 100 });
    let reasoning = "";
    for await (const delta of generation) reasoning += delta.reasoning;
    const { message } = await generation.result;
    const called = { name: "f", arguments: '{"a": 1}' };
    const call = {
      id: expect.stringContaining("chatcmpl-tool-"),
      type: "function",
      function: called,
    };
    expect(message).toEqual({
      ...{ role: "assistant", content: "", reasoning: "Hm." },
      tool_calls: [call] as never,
    });
    expect(reasoning).toBe("Hm.");
    const results = [
      message,
      { role: "tool", tool_call_id: message.tool_calls?.[0]?.id, content: "2" },
    ];
    const next = llm.chat([...messages, ...results], { maxTokens: 1 });
    expect((await next.result).message.role).toBe("assistant");
  });

  test("refuses to render with options that chat() does not accept", async () => {
    const { llm } = makeLlm();
    const messages = [{ role: "assistant", content: "a" }];
    const both = { addGenerationPrompt: true, continueFinalMessage: true };
    const code = (error: { code: string }) => error.code;
    expect(await llm.tokenizer.applyChatTemplate(messages, both).catch(code)).toBe("invalid_value");
    expect(await llm.chat(messages, both).result.catch(code)).toBe("invalid_value");
  });

  test("counts only its own requests in its metrics", async () => {
    const [first, second] = [makeLlm(), makeLlm()];
    await textOf(first.llm, "hello");
    await settled();
    const line = (total: string) =>
      `vllm:generation_tokens_total{engine="0",model_name="tiny"} ${total}`;
    expect(await first.llm.metrics.text()).toContain(line("3.0"));
    expect(await second.llm.metrics.text()).toContain(line("0.0"));
  });

  test("sleeps and wakes up; requests wait while it sleeps", async () => {
    const { llm, runner } = makeLlm();
    await llm.sleep(2);
    expect(runner.sleepLevel).toBe(2);
    const other = llm.sleep(3 as 2).catch((error) => error.code);
    expect(await other).toBe("invalid_value");
    const waiting = textOf(llm, "hello");
    await llm.wake();
    expect(await waiting).toHaveLength(3);
  });

  test("when disposed of, fails open requests, frees the model, and accepts no more requests", async () => {
    const { llm, runner } = makeLlm();
    const app = createApp(llm);
    const open = llm.generate("hello", { maxTokens: 900, ignoreEos: true });
    const ended = open.result.catch((error) => error.code);
    await until(() => runner.numSteps > 1);
    await Promise.all([llm[Symbol.asyncDispose](), llm[Symbol.asyncDispose]()]);
    expect(await ended).toBe("engine_shutdown");
    expect(runner.isDisposed).toBe(true);
    expect(await llm.closed).toEqual({ kind: "disposed" });
    const late = llm.generate("hello").result;
    expect(await late.catch((error) => error.code)).toBe("engine_shutdown");
    const answer = await app.fetch(ask("/v1/completions", { prompt: [1, 2, 3] }));
    expect(answer.status).toBe(503);
  });

  test("after disposal, every call gives the same reason", async () => {
    const { llm } = makeLlm();
    await llm[Symbol.asyncDispose]();
    const calls = [
      () => llm.generate("a").result,
      () => llm.chat([{ role: "user", content: "a" }]).result,
      () => llm.tokenizer.encode("a"),
      () => llm.tokenizer.decode([1]),
      () => llm.tokenizer.applyChatTemplate([{ role: "user", content: "a" }]),
      () => llm.sleep(1),
      () => llm.wake(),
    ];
    for (const call of calls) {
      const reason = { code: "engine_shutdown", message: "The model was disposed of." };
      await expect(call()).rejects.toMatchObject(reason);
    }
  });

  test("can be disposed of without waiting for a request that has not been queued yet", async () => {
    const { llm } = makeLlm();
    const early = llm.generate("hello").result.catch((error) => error.code);
    await llm[Symbol.asyncDispose]();
    expect(await early).toBe("engine_shutdown");
  });
});

describe("an app that uses an LLM", () => {
  test("serves the HTTP API with the same engine and metrics, but its own names and keys", async () => {
    const { llm } = makeLlm();
    const app = createApp(llm, { modelNames: ["mine"], apiKeys: ["secret"] });
    expect((await app.fetch(ask("/v1/models"))).status).toBe(401);
    const request = ask("/v1/completions", { prompt: "hello", ...{ max_tokens: 3 } });
    request.headers.set("authorization", "Bearer secret");
    const answer = (await (await app.fetch(request)).json()) as { model: string };
    expect(answer.model).toBe("mine");
    await settled();
    expect(await llm.metrics.text()).toContain('vllm:request_success_total{engine="0"');
    expect(await llm.metrics.text()).toContain('handler="/v1/completions"');
  });

  test("can be mounted behind TLS", async () => {
    const { llm } = makeLlm();
    const answer = await createApp(llm).fetch(new Request("https://localhost/health"));
    expect(answer.status).toBe(200);
  });

  test("can be mounted under a path in Hono; disconnecting from a stream aborts the request", async () => {
    const { llm, engine } = makeLlm();
    const host = new Hono().get("/mine", (c) => c.text("mine")).mount("/llm", createApp(llm).fetch);
    expect(await (await host.fetch(ask("/mine"))).text()).toBe("mine");
    expect((await host.fetch(ask("/llm/health"))).status).toBe(200);
    expect((await host.fetch(ask("/v1/models"))).status).toBe(404);
    const body = { prompt: "hello", max_tokens: 900, ignore_eos: true, stream: true };
    const answer = await host.fetch(ask("/llm/v1/completions", body));
    const reader = answer.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toStartWith("data: {");
    await reader?.cancel();
    await until(() => engine.numLiveSequences === 0);
  });

  test("logs internal errors to the LLM's logger, and hides them from clients", async () => {
    const logged: string[] = [];
    const { llm } = makeLlm({}, (line) => logged.push(line));
    partsOf(llm).measured.front.calls.encode = () => Promise.reject(new Error("a secret"));
    const answer = await createApp(llm).fetch(ask("/tokenize", { prompt: "hello" }));
    expect(await answer.text()).not.toContain("secret");
    expect(logged.map((text) => text.split("\n")[0])).toEqual(["Error: a secret"]);
  });

  test.each<readonly [object, string]>([
    [{ apiKey: "secret" }, "unknown option apiKey; did you mean apiKeys?"],
    [{ apiKeys: [""] }, "apiKeys: a key is empty (in the options)"],
    [{ apiKeys: "secret" }, "apiKeys must be a list of strings"],
    [{ apiKeys: [undefined] }, "apiKeys must be a list of strings"],
    [{ modelNames: [] }, "modelNames must be a list of one or more names"],
    [{ modelNames: "tiny" }, "modelNames must be a list of one or more names"],
    [{ modelNames: [""] }, "modelNames must be a list of one or more names"],
    [{ port: 0 }, "unknown option port"],
  ])("rejects %j, so no app is accidentally left without keys or names", (options, message) => {
    const { llm } = makeLlm();
    expect(() => createApp(llm, options)).toThrow(message);
  });

  test("serve() rejects options for loading a model if it receives an LLM", async () => {
    const { llm } = makeLlm();
    const options = { port: 0, kvCacheBytes: 4e6 };
    await expect(serve(llm, options)).rejects.toThrow("unknown option kvCacheBytes");
  });

  test.each<readonly [unknown, string]>([
    [null, "options must be an object"],
    [{ port: "80" }, "port must be an integer in [0, 65535], got 80"],
    [{ port: 65536 }, "port must be an integer in [0, 65535], got 65536"],
    [{ port: Number.NaN }, "port must be an integer in [0, 65535], got NaN"],
    [{ host: 5 }, "host must be a string, got 5"],
  ])("serve() rejects %p by name", async (options, message) => {
    const { llm } = makeLlm();
    const refused = serve(llm, options as ServeOptions);
    expect(await refused.catch(({ code, message }) => [code, message])).toEqual([
      "invalid_option",
      message,
    ]);
  });

  test("serve() listens, stops within its grace period, and does not dispose of an LLM that it was given", async () => {
    const { llm } = makeLlm({ model: { stepDelayMs: 1 } });
    const server = await serve(llm, { port: 0 });
    const stream = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "hello", max_tokens: 900, ignore_eos: true, stream: true }),
    });
    const body = stream.text().then(
      () => "ended",
      () => "cut",
    );
    await server.stop({ grace: 0.05 });
    expect(await body).toBe("cut");
    expect(await textOf(llm, "still here")).toHaveLength(3);
    await server.stop();
  });

  test("stop() waits as long as it takes with an infinite grace period", async () => {
    const { llm } = makeLlm({ model: { stepDelayMs: 1 } });
    const server = await serve(llm, { port: 0 });
    const { body } = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "hello", max_tokens: 100, ignore_eos: true, stream: true }),
    });
    const text = new Response(body).text();
    await server.stop({ grace: Number.POSITIVE_INFINITY });
    expect(await text).toEndWith("data: [DONE]\n\n");
  });
});
