// The package as users install it: it is packed, added to an empty project, type-checked, run and
// compiled. The examples also run in that project.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { denoProgram } from "../support/deno.ts";
import { isDistributable } from "../support/distributable.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const ROOT = join(import.meta.dir, "..", "..");
const TIMEOUT_MS = 120_000;

const folder = tempFolder();
const project = join(folder.path, "project");
const model = join(folder.path, "tiny.gguf");

const PROGRAM = `
import { LLM, type Generation, type GenerateResult } from "pagoda";
await using llm = await LLM.load(process.argv[2] ?? "", { kvCacheBytes: 4e6, threads: 2 });
const generation: Generation<GenerateResult> = llm.generate("hello", { maxTokens: 5, ignoreEos: true });
console.log((await generation.result).usage.completionTokens);
`;

const DOCS_PROGRAM = `
import { LLM } from "pagoda";
import { createApp } from "pagoda/server";
await using llm = await LLM.load(process.argv[2] ?? "", { kvCacheBytes: 4e6, threads: 2 });
const response = await createApp(llm).fetch(new Request("http://localhost/docs/swagger-ui.css"));
console.log(response.status, (await response.text()).slice(0, 12));
`;

const WRONG = `
import { LLM } from "pagoda";
const llm = await LLM.load("x");
llm.generate("hello", { maxTokens: "5" });
new LLM();
`;

const DENO_PROGRAM = `
import process from "node:process";
import { LLM } from "pagoda";
import { serve } from "pagoda/server";
const llm = await LLM.load(process.argv[2] ?? "", { kvCacheBytes: 4e6, threads: 2 });
const server = await serve(llm, { port: 0 });
const body = JSON.stringify({ messages: [{ role: "user", content: "hi" }], max_tokens: 3, ignore_eos: true });
const headers = { "content-type": "application/json" };
const response = await fetch(server.url + "/v1/chat/completions", { method: "POST", headers, body });
console.log((await response.json()).usage.completion_tokens);
console.log((await fetch(server.url + "/docs/swagger-ui.css")).status);
await server.stop();
await llm[Symbol.asyncDispose]();
`;

function run(command: readonly string[], cwd = project, env: Record<string, string> = {}) {
  const child = Bun.spawnSync([...command], { cwd, env: { ...process.env, ...env } });
  const [stdout, stderr] = [child.stdout.toString(), child.stderr.toString()];
  return { exitCode: child.exitCode, stdout, stderr };
}

const bun = (...words: string[]) => run([process.execPath, ...words]);

beforeAll(() => {
  if (!isDistributable) return;
  writeTinyGguf(model);
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{"name":"app","type":"module"}');
  writeFileSync(join(project, "app.ts"), PROGRAM);
  const packed = run(
    [process.execPath, "pm", "pack", "--quiet", "--destination", folder.path],
    ROOT,
  );
  const file = readdirSync(folder.path).find((name) => name.endsWith(".tgz"));
  if (file === undefined) throw new Error(`bun pm pack failed: ${packed.stderr}`);
  const added = bun("add", "--prefer-offline", join(folder.path, file));
  if (added.exitCode !== 0) throw new Error(`bun add failed: ${added.stderr}`);
}, TIMEOUT_MS);
afterAll(folder.remove);

describe.skipIf(!isDistributable)("the package", () => {
  test("runs from node_modules", () => {
    expect(bun("app.ts", model)).toEqual({ exitCode: 0, stdout: "5\n", stderr: "" });
  });

  test("has no side effects when imported: no output and no signal handlers", () => {
    const code = `import "pagoda"; import "pagoda/server"; import "pagoda/errors";
      console.log(["SIGINT", "SIGTERM"].map((name) => process.listenerCount(name)).join());`;
    const result = bun("-e", code);
    expect(result).toEqual({ exitCode: 0, stdout: "0,0\n", stderr: "" });
  });

  test("keeps the HTTP server out of bundles that use only a model", () => {
    const built = bun("build", "--target=bun", "--outdir", "bundle", "app.ts");
    expect(built.exitCode).toBe(0);
    expect(run(["grep", "-c", "class Elysia", "bundle/app.js"]).stdout).toBe("0\n");
  });

  test("has types that pass in a strict project and catch mistakes", () => {
    symlinkSync(join(ROOT, "node_modules", "@types"), join(project, "node_modules", "@types"));
    writeFileSync(join(project, "wrong.ts"), WRONG);
    const options = {
      strict: true,
      module: "nodenext",
      target: "esnext",
      types: ["bun"],
      noEmit: true,
    };
    const tsconfig = { compilerOptions: options, include: ["app.ts", "wrong.ts"] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify(tsconfig));
    const { stdout } = bun(join(ROOT, "node_modules", "typescript", "lib", "tsc.js"), "-p", ".");
    const faults = [...stdout.matchAll(/^(\S+)\((\d+),.*(TS\d+)/gm)].map((found) => found.slice(1));
    expect(faults).toEqual([
      ["wrong.ts", "4", "TS2322"],
      ["wrong.ts", "5", "TS2673"],
    ]);
  });

  test(
    "runs within an executable that the user compiles, without node_modules",
    () => {
      expect(bun("build", "--compile", "app.ts", "--outfile", "app").exitCode).toBe(0);
      const elsewhere = join(folder.path, "elsewhere");
      mkdirSync(elsewhere);
      renameSync(join(project, "app"), join(elsewhere, "app"));
      const env = { XDG_CACHE_HOME: join(folder.path, "cache") };
      const result = run([join(elsewhere, "app"), model], elsewhere, env);
      expect(result).toEqual({ exitCode: 0, stdout: "5\n", stderr: "" });
    },
    TIMEOUT_MS,
  );
});

test.skipIf(!isDistributable)(
  "the package serves the files for /docs, even from an executable",
  () => {
    writeFileSync(join(project, "docs.ts"), DOCS_PROGRAM);
    const served = { exitCode: 0, stdout: "200 .swagger-ui{\n", stderr: "" };
    expect(bun("docs.ts", model)).toEqual(served);
    expect(bun("build", "--compile", "docs.ts", "--outfile", "docs").exitCode).toBe(0);
    const program = join(folder.path, "docs");
    renameSync(join(project, "docs"), program);
    const env = { XDG_CACHE_HOME: join(folder.path, "cache") };
    expect(run([program, model], folder.path, env)).toEqual(served);
  },
  TIMEOUT_MS,
);

describe.skipIf(!isDistributable)("in Deno", () => {
  const deno = denoProgram(join(ROOT, "build", "test-deno"));

  test.skipIf(deno === null)(
    "a chat is served with only the documented permissions",
    () => {
      writeFileSync(join(project, "deno.ts"), DENO_PROGRAM);
      const allowed = ["ffi", "read", "env", "net"].map((name) => `--allow-${name}`);
      const words = [
        "run",
        "--no-prompt",
        "--unstable-no-legacy-abort",
        ...allowed,
        "deno.ts",
        model,
      ];
      const result = run([deno ?? "", ...words]);
      expect(result).toEqual({ exitCode: 0, stdout: "3\n200\n", stderr: "" });
    },
    TIMEOUT_MS,
  );
});

describe.skipIf(!isDistributable)("the examples", () => {
  beforeAll(() => cpSync(join(ROOT, "examples"), join(project, "examples"), { recursive: true }));

  test("chat streams an answer", () => {
    const { stdout, stderr } = bun("examples/chat.ts", model, "hi");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/\n\(\d+ tokens, ended by (length|stop)\)\n$/);
  });

  test.each(["chat", "batch", "server"])("%s reports a missing model in one line", (name) => {
    const { stderr, exitCode } = bun(`examples/${name}.ts`, "nope.gguf");
    expect(stderr).toBe("error: there is no file nope.gguf\n");
    expect(exitCode).toBe(1);
  });

  test("batch prints results in prompt order", () => {
    const lines = bun("examples/batch.ts", model).stdout.trim().split("\n");
    const prompts = lines.filter((line) => line.startsWith("The capital of"));
    expect(prompts.map((line) => line.split(" ")[3])).toEqual([
      ...["France", "Italy", "Spain", "Norway", "Japan", "Peru", "Kenya", "India"],
    ]);
    expect(lines.at(-1)).toMatch(/^8 prompts in \d+ steps$/);
  });

  async function startExample() {
    const child = Bun.spawn([process.execPath, "examples/server.ts", model, "0"], {
      cwd: project,
      stdout: "pipe",
      stderr: "inherit",
    });
    const { value } = await child.stdout.getReader().read();
    return { child, url: /http:\S+/.exec(new TextDecoder().decode(value))?.[0] ?? "" };
  }

  test("server serves its own route and the API and exits on SIGTERM", async () => {
    const { child, url } = await startExample();
    const events = await (await fetch(`${url}ask?q=hi`)).text();
    expect(events).toEndWith("data: [DONE]\n\n");
    const models = (await (await fetch(`${url}v1/models`)).json()) as { data: { id: string }[] };
    expect(models.data[0]?.id).toBe("tiny");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test(
    "server exits on SIGINT, even if a client never completes its request",
    async () => {
      const { child, url } = await startExample();
      const port = Number(new URL(url).port);
      const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => {} } });
      socket.write("GET /v1/mod");
      await fetch(`${url}v1/models`);
      child.kill("SIGINT");
      expect(await child.exited).toBe(0);
      socket.end();
    },
    TIMEOUT_MS,
  );
});
