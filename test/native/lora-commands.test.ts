// LoRA adapters as operators use them: `serve` with its engine in another process, `complete`, and bad modules.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI from "openai";
import { enginePid } from "../support/processes.ts";
import { runPagoda } from "../support/run-pagoda.ts";
import { type ServerProcess, startServer } from "../support/server-process.ts";
import { writeTinyAdapter } from "../support/tiny-adapter.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const at = (name: string) => join(folder.path, name);
const MODEL = [at("tiny.gguf"), "--kv-cache-memory-bytes=1M", "--enable-lora"];
const SQL = `sql=${at("adapters/sql.gguf")}`;

beforeAll(() => {
  mkdirSync(at("adapters"));
  writeTinyGguf(at("tiny.gguf"));
  writeTinyAdapter(at("adapters/sql.gguf"), {}, { strength: 0.3 });
  writeTinyAdapter(at("adapters/poet.gguf"), {}, { strength: 0.3, seed: 2 });
  writeTinyAdapter(at("outside.gguf"));
  symlinkSync(at("outside.gguf"), at("adapters/link.gguf"));
});
afterAll(() => folder.remove());

describe("a server with adapters", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    const words = [...MODEL, "--lora-modules", SQL, "--allowed-lora-paths", at("adapters")];
    server = await startServer(words, { VLLM_ALLOW_RUNTIME_LORA_UPDATING: "1" });
  }, 30_000);
  afterAll(async () => {
    server.process.kill("SIGTERM");
    await server.process.exited;
  });

  const post = (path: string, body: object) =>
    fetch(server.url + path, {
      ...{ method: "POST", headers: { "content-type": "application/json" } },
      body: JSON.stringify(body),
    });
  const load = async (lora_name: string, file: string) => {
    const response = await post("/v1/load_lora_adapter", { lora_name, lora_path: at(file) });
    return [response.status, await response.text()] as const;
  };
  const textOf = async (model: string) => {
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 5 });
    const { choices, model: shown } = await client.completions.create({
      ...{ model, prompt: "Once upon a time", max_tokens: 12, temperature: 0 },
    });
    expect(shown).toBe(model);
    return choices[0]?.text;
  };

  test("lists them and computes requests with them, through OpenAI's client", async () => {
    const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none" });
    const { data } = await client.models.list();
    expect(data).toMatchObject([
      { id: "tiny", parent: null },
      { id: "sql", parent: "tiny", root: at("adapters/sql.gguf") },
    ]);
    expect(await textOf("sql")).not.toBe(await textOf("tiny"));
  });

  test("loads and unloads them at run time, but only from allowed folders", async () => {
    expect(await load("poet", "adapters/poet.gguf")).toEqual([
      200,
      "Success: LoRA adapter 'poet' added successfully.",
    ]);
    expect(new Set([await textOf("tiny"), await textOf("sql"), await textOf("poet")]).size).toBe(3);
    for (const path of ["outside.gguf", "adapters/link.gguf", "adapters/../outside.gguf"]) {
      const [status, text] = await load("x", path);
      expect([status, text]).toEqual([400, expect.stringContaining("--allowed-lora-paths")]);
    }
    expect((await load("x", "adapters/absent.gguf"))[0]).toBe(404);
    expect((await post("/v1/unload_lora_adapter", { lora_name: "poet" })).status).toBe(200);
    expect((await post("/v1/completions", { model: "poet", prompt: "a" })).status).toBe(404);
  });

  test("reports them to gateways", async () => {
    await textOf("sql");
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith("vllm:lora_requests_info{"));
    expect(lines).toEqual([
      expect.stringMatching(
        /^vllm:lora_requests_info\{max_lora="1",running_lora_adapters="(sql)?",waiting_lora_adapters=""\} 1\./,
      ),
    ]);
  });

  test("has them again after an engine crash", async () => {
    const before = await textOf("sql");
    process.kill(enginePid(server), "SIGKILL");
    expect(await textOf("sql")).toBe(before);
  }, 30_000);
});

test("complete computes with an adapter, which --model-name selects", async () => {
  const words = ["complete", "Once", "--model", ...MODEL, "--lora-modules", SQL];
  const options = ["--max-tokens", "8", "--temperature", "0"];
  const adapted = await runPagoda([...words, ...options, "--model-name", "sql"]);
  const plain = await runPagoda([...words, ...options]);
  expect([adapted.exitCode, plain.exitCode]).toEqual([0, 0]);
  expect(adapted.stderr).not.toContain("warning");
  expect(adapted.stdout).not.toBe(plain.stdout);
}, 30_000);

test.each<[string[], number, string]>([
  [["--lora-modules", "sql=absent.gguf"], 3, "Loading lora sql failed: No adapter found for "],
  [["--lora-modules", SQL, "--max-lora-rank", "4"], 3, "Loading lora sql failed: "],
  [["--lora-modules", "sql"], 2, "--lora-modules: expected name=path or JSON, got sql"],
  [["--lora-modules", SQL, SQL], 3, "The lora adapter 'sql' has already been loaded."],
  [["--lora-modules", `tiny=${SQL.slice(4)}`], 3, "The base model has the name 'tiny'."],
  [["--lora-modules", SQL, "--no-enable-lora"], 2, "--lora-modules requires --enable-lora"],
  [["--lora-modules", SQL, "--allowed-lora-paths", "/usr"], 3, "is outside the folders of"],
])(
  "serve refuses to start with %p",
  async (words, code, message) => {
    const ran = await runPagoda(["serve", "--port", "0", ...MODEL, ...words]);
    expect([ran.exitCode, ran.stderr]).toEqual([code, expect.stringContaining(message)]);
  },
  30_000,
);

test("the program in docs/lora.md runs as written", async () => {
  const root = join(import.meta.dir, "../..");
  const text = readFileSync(join(root, "docs/lora.md"), "utf8");
  const [, program = ""] = /^```ts\n([\s\S]*?)^```$/m.exec(text) ?? [];
  const paths = {
    "sql.gguf": at("adapters/sql.gguf"),
    "poet.gguf": at("adapters/poet.gguf"),
    "model.gguf": at("tiny.gguf"),
  };
  const own = Object.entries(paths).reduce(
    (lines, [name, path]) => lines.replaceAll(`"${name}"`, JSON.stringify(path)),
    program.replace('"pagoda"', JSON.stringify(join(root, "src/library/index.ts"))),
  );
  writeFileSync(at("program.ts"), `${own}\nexport { text };\n`);
  const { text: output } = (await import(at("program.ts"))) as { text: string };
  expect(output.length).toBeGreaterThan(0);
}, 30_000);
