// The pull, ls, rm, and inspect commands, run as a user would run them, with a fake hub.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FakeHub, HUB_COMMIT, serveHub, sha256 } from "../support/fake-hub.ts";
import { encodeGguf } from "../support/gguf-writer.ts";
import { MAIN, runPagoda } from "../support/run-pagoda.ts";
import { removeTempFolders, tempFolder, writeFiles } from "../support/temp-checkout.ts";
import { TerminalProgram } from "../support/terminal-program.ts";
import { TINY_CHAT_TEMPLATE, tinyGguf, writeTinyGguf } from "../support/tiny-gguf.ts";

const FILES = { "model-Q8_0.gguf": "eight", "model.Q4_K_M.gguf": "four" };
const home = tempFolder();
const cacheHome = tempFolder();
const snapshot = join(home, "hub/models--user--repo/snapshots", HUB_COMMIT);
const blobs = join(home, "hub/models--user--repo/blobs");
let hub: FakeHub;
let env: Record<string, string>;

beforeAll(() => {
  hub = serveHub("user/repo", FILES, home);
  env = { ...hub.env, XDG_CACHE_HOME: cacheHome };
});
afterAll(() => {
  hub.stop();
  removeTempFolders();
});

/** Quantization of each model by name, from `ls --json`, without the models in the checkout. */
async function listed(): Promise<Record<string, string>> {
  const { stdout } = await runPagoda(["ls", "--json"], { env });
  const models = JSON.parse(stdout) as { name: string; path: string; quantization: string }[];
  const downloaded = models.filter(({ path }) => path.startsWith(home));
  return Object.fromEntries(downloaded.map(({ name, quantization }) => [name, quantization]));
}

describe("local models", () => {
  test("are added by pull, listed by ls, and removed by rm", async () => {
    for (const [name, file] of [
      ["user/repo:q8_0", "model-Q8_0.gguf"],
      ["user/repo", "model.Q4_K_M.gguf"],
    ] as const) {
      const pulled = await runPagoda(["pull", name], { env });
      expect(pulled).toEqual({
        stdout: `${join(snapshot, file)}\n`,
        stderr: `downloading ${file} from user/repo\n${file}: 100% 0/0 MiB\n`,
        exitCode: 0,
      });
    }
    expect(await listed()).toEqual({ "user/repo:Q8_0": "Q8_0", "user/repo:Q4_K_M": "Q4_K_M" });

    const asked = await runPagoda(["rm", "user/repo:Q8_0"], { env });
    expect(asked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("--yes") });
    const removed = await runPagoda(["rm", "user/repo:Q8_0", "--yes"], { env });
    expect(removed).toEqual({
      ...{ stdout: "", stderr: "removed user/repo:Q8_0 (1 KiB)\n", exitCode: 0 },
    });
    expect(await listed()).toEqual({ "user/repo:Q4_K_M": "Q4_K_M" });
    expect(existsSync(join(blobs, sha256("eight")))).toBe(false);
    expect(readFileSync(join(blobs, sha256("four")), "utf8")).toBe("four");

    await runPagoda(["rm", "--yes", "--models", join(snapshot, "model.Q4_K_M.gguf")], { env });
    expect(existsSync(join(home, "hub/models--user--repo"))).toBe(false);
    expect(existsSync(join(home, "hub"))).toBe(true);
  });

  test("from a URL are listed by path", async () => {
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("GGUF") });
    const { stdout } = await runPagoda(["pull", `${server.url.origin}/a/model.gguf`], { env });
    await server.stop(true);
    const path = stdout.trim();
    expect((await runPagoda(["ls", "--quiet"], { env })).stdout.split("\n")).toContain(path);
    expect(await runPagoda(["rm", path, path, "--yes"], { env })).toMatchObject({
      ...{ stderr: `removed ${path} (1 KiB)\n`, exitCode: 0 },
    });
    expect(existsSync(join(cacheHome, "pagoda/models"))).toBe(true);
    expect(existsSync(join(path, ".."))).toBe(false);
  });

  test("rm accepts the same names as serve: relative paths, repositories, and paths outside the cache", async () => {
    const folder = join(cacheHome, "pagoda/models/host.test");
    const files = {
      "hub/models--a--b/snapshots/c/m.Q4_K_M.gguf": "four",
      "hub/models--a--b/snapshots/c/m.F16.gguf": "sixteen",
    };
    writeFiles(home, files);
    writeFiles(folder, { "one.gguf": "1", "two.gguf": "2" });
    for (const [name, cwd, exitCode, line] of [
      ["one.gguf", folder, 0, `removed ${join(folder, "one.gguf")}`],
      ["host.test/two.gguf", join(folder, ".."), 0, `removed ${join(folder, "two.gguf")}`],
      ["a/b", home, 0, "removed a/b:Q4_K_M (1 KiB)"],
      ["a/b", home, 3, "error: model a/b not found"],
      ["hf://a/b/m.F16.gguf", home, 0, "removed a/b:F16 (1 KiB)"],
      ["here.gguf", cacheHome, 3, "error: here.gguf is not a model that `ls` lists"],
    ] as const) {
      writeFiles(cacheHome, { "here.gguf": "not a cached model" });
      const ran = await runPagoda(["rm", name, "--yes"], { env, cwd });
      expect(ran.stderr).toStartWith(line);
      expect(ran.exitCode).toBe(exitCode);
    }
    expect(existsSync(join(cacheHome, "here.gguf"))).toBe(true);
  });

  test("rm asks for confirmation on a terminal", async () => {
    writeFiles(home, { "hub/models--a--b/snapshots/c/model-Q8_0.gguf": "a file of its own" });
    for (const [answer, said, exitCode] of [
      ["n\r", "kept a/b:Q8_0", 1],
      ["\x04", "kept a/b:Q8_0", 1],
      ["y\r", "removed a/b:Q8_0", 0],
    ] as const) {
      const program = new TerminalProgram(["rm", "a/b:Q8_0"], env);
      await program.until("remove a/b:Q8_0 (1 KiB)? [y/N] ");
      program.type(answer);
      await program.until(said);
      expect(await program.exited).toBe(exitCode);
    }
    expect(existsSync(join(home, "hub/models--a--b/snapshots"))).toBe(false);
  }, 20_000);

  test("that are unavailable cause a one-line error with an exit code", async () => {
    const [empty, full, other] = [join(home, "empty/"), join(home, "full"), join(home, "other")];
    writeFiles(home, { "other/model.safetensors": "" });
    writeFiles(home, { "empty/readme.md": "", "full/m.gguf": "", "full/mmproj.gguf": "" });
    for (const [words, exitCode, line] of [
      [["pull", "user/other"], 3, "error: user/other: HTTP 404 from the hub; check the name\n"],
      [
        ["pull", "user/repo", "--offline"],
        3,
        "error: user/repo is not on this machine, and downloads are",
      ],
      [["rm", "user/repo:Q8_0"], 3, "error: model user/repo:Q8_0 not found; `ls` lists"],
      [["rm"], 2, "error: rm: no model given; `ls` lists the models on this machine\n"],
      [["inspect", "missing.gguf"], 3, "error: there is no file missing.gguf\n"],
      [["inspect", empty], 3, `error: ${empty} is a folder; name a GGUF file in it\n`],
      [
        ["pull", full],
        3,
        `error: ${full} is a folder; name a GGUF file in it; available: m.gguf\n`,
      ],
      [
        ["inspect", other],
        3,
        `error: ${other} is a folder; name a GGUF file in it; it contains safe`,
      ],
      [["pull", "http://127.0.0.1:9/"], 3, "error: http://127.0.0.1:9/ does not name a file\n"],
      [["serve", "--model="], 2, "error: --model: a value is empty\n"],
      [["pull", "user/repo", "--port", "1"], 2, "error: pull has no option --port; pull --help"],
      [["pul"], 2, "error: unknown command pul; did you mean pull?\n"],
    ] as const) {
      const ran = await runPagoda(words, { env });
      expect(ran.stderr).toStartWith(line);
      expect(ran).toMatchObject({ stdout: "", exitCode });
    }
  });
});

describe("output that cannot be written", () => {
  const redirected = async (words: string, to: string) => {
    const command = ["bash", "-c", `"$0" "$@" ${to}; echo "\${PIPESTATUS[0]}" >&2`];
    const { PATH = "" } = process.env;
    const child = Bun.spawn([...command, process.execPath, MAIN, ...words.split(" ")], {
      env: { ...env, PATH },
      stderr: "pipe",
    });
    return new Response(child.stderr).text();
  };

  test.each(["ls --json", "--help", "completion bash"])(
    "%p fails on a full disk",
    async (words) => {
      if (!existsSync("/dev/full")) return console.log("skipped: this system has no /dev/full");
      expect(await redirected(words, "> /dev/full")).toMatch(
        /^error: cannot write to standard output: no space left on device\n1\n$/,
      );
    },
  );
});

describe("inspect", () => {
  test("shows the header's contents", async () => {
    const folder = tempFolder();
    const path = join(folder, "tiny.gguf");
    writeTinyGguf(path);
    const { stdout } = await runPagoda(["inspect", path, "--json"], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ path, architecture: "llama", quantization: "F32", tensorTypes: { F32: 21 } },
      ...{ contextLength: 512, layers: 2, heads: 4, kvHeads: 2, kvBytesPerToken: 1024 },
      chatTemplate: TINY_CHAT_TEMPLATE,
    });
    expect((await runPagoda(["inspect", path], { env })).stdout).toContain("layers         2\n");
  });

  test("counts the tensors and bytes of all parts", async () => {
    const folder = tempFolder();
    const { metadata, tensors } = tinyGguf();
    const [first, second] = [
      encodeGguf(metadata, tensors.slice(0, 5)),
      encodeGguf(new Map(), tensors.slice(5)),
    ];
    const path = join(folder, "tiny-00001-of-00002.gguf");
    writeFileSync(path, first);
    writeFileSync(join(folder, "tiny-00002-of-00002.gguf"), second);
    // A file of the same model, split into a different number of parts.
    writeFileSync(join(folder, "tiny-00001-of-00003.gguf"), first);
    const { stdout } = await runPagoda(["inspect", path, "--json"], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ tensorTypes: { F32: tensors.length }, fileBytes: first.length + second.length },
    });
  });

  test("escapes control characters from the file, which could hide text on a terminal", async () => {
    const folder = tempFolder();
    const { metadata, tensors } = tinyGguf();
    const keys = new Map(metadata).set("general.name", ["string", "a\u001b[2Jb"]);
    const path = join(folder, "tiny.gguf");
    writeFileSync(path, encodeGguf(keys, tensors));
    const { stdout } = await runPagoda(["inspect", path], { env });
    expect(stdout).toContain("name           a\\u001b[2Jb\n");
  });

  test("rejects a file that is not GGUF", async () => {
    const folder = tempFolder();
    writeFiles(folder, { "text.gguf": "not GGUF, but long enough" });
    const text = await runPagoda(["inspect", join(folder, "text.gguf")], { env });
    expect(text).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("is not a GGUF file"),
    });
  });
});
