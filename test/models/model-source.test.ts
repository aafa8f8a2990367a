// From a model's name to its file, against a stand-in for the hub.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { partsOf, pickFile, wantedIn } from "../../src/models/gguf-files.ts";
import { progressLine, resolveModel } from "../../src/models/model-source.ts";
import { type FakeHub, serveHub } from "../support/fake-hub.ts";
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
    env: { ...hub.env, ...env },
    log: (line: string) => void log.push(line),
  };
  return { modelsDir, hub, log, resolve: (name: string) => resolveModel(name, options) };
}

describe("resolveModel", () => {
  test("a path is taken as it is", async () => {
    const { modelsDir, resolve } = setting();
    writeFiles(modelsDir, { "mine.gguf": "x" });
    const path = join(modelsDir, "mine.gguf");
    expect(await resolve(path)).toBe(path);
  });

  test.each(["missing.gguf", "folder/missing.gguf", "nonsense"])("%p is no file", async (name) => {
    const { resolve } = setting();
    await expect(resolve(name)).rejects.toThrow(`there is no file ${name}`);
  });

  test("the default model comes with the set-up", async () => {
    const { modelsDir, resolve } = setting();
    await expect(resolve("SmolLM2-135M-Instruct")).rejects.toThrow("`bun run setup` gets it");
    writeFiles(modelsDir, { "SmolLM2-135M-Instruct.Q4_1.gguf": "x" });
    expect(await resolve("SmolLM2-135M-Instruct")).toBe(
      join(modelsDir, "SmolLM2-135M-Instruct.Q4_1.gguf"),
    );
  });

  test("a quantisation is downloaded once", async () => {
    const { hub, log, resolve } = setting();
    const path = await resolve("user/repo:q8_0");
    expect([basename(path), readFileSync(path, "utf8")]).toEqual(["model-Q8_0.gguf", "eight"]);
    expect(log).toEqual([
      "downloading model-Q8_0.gguf of user/repo",
      "downloading model-Q8_0.gguf: 100% (0 MiB)",
    ]);
    expect(await resolve("user/repo:Q8_0")).toBe(path);
    expect(hub.requests).toEqual(["model-Q8_0.gguf"]);
  });

  test("Q4_K_M is taken when none is named", async () => {
    const { resolve } = setting();
    expect(basename(await resolve("user/repo"))).toBe("model.Q4_K_M.gguf");
  });

  test("a model in parts is whole before it is used", async () => {
    const { modelsDir, hub, resolve } = setting();
    const folder = join(modelsDir, "user--repo");
    writeFiles(folder, { "model-F16-00001-of-00002.gguf": "large one" });
    const path = await resolve("user/repo:F16");
    expect(path).toBe(join(folder, "model-F16-00001-of-00002.gguf"));
    expect(existsSync(join(folder, "model-F16-00002-of-00002.gguf"))).toBe(true);
    expect(hub.requests).toEqual(["large/model-F16-00002-of-00002.gguf"]);
  });

  test("the hub's own cache is used", async () => {
    const { hub, resolve } = setting();
    const snapshot = join(hub.env.HF_HOME, "hub", "models--user--repo", "snapshots", "abc");
    writeFiles(snapshot, { "model-Q8_0.gguf": "cached" });
    expect(await resolve("user/repo:Q8_0")).toBe(join(snapshot, "model-Q8_0.gguf"));
    expect(hub.requests).toEqual([]);
  });

  test("a quantisation that does not exist is answered with those that do", async () => {
    const { resolve } = setting();
    await expect(resolve("user/repo:Q2_K")).rejects.toThrow(
      "user/repo has no Q2_K; there are: Q8_0, Q4_K_M, F16",
    );
  });

  test("a repository that does not exist, and a hub out of reach, are told in one line", async () => {
    const { resolve } = setting();
    await expect(resolve("user/other")).rejects.toThrow(
      "user/other: HTTP 404 from the hub; check the name",
    );
    const away = setting({ HF_ENDPOINT: "http://127.0.0.1:9" });
    await expect(away.resolve("user/repo")).rejects.toThrow(
      "the hub cannot be reached; give a GGUF file instead of user/repo",
    );
  });

  test("offline, what is there is used and nothing is asked", async () => {
    const { modelsDir, hub, resolve } = setting({ HF_HUB_OFFLINE: "1" });
    await expect(resolve("user/repo")).rejects.toThrow("HF_HUB_OFFLINE is set");
    writeFiles(join(modelsDir, "user--repo"), { "model-Q8_0.gguf": "eight" });
    expect(basename(await resolve("user/repo"))).toBe("model-Q8_0.gguf");
    expect(hub.requests).toEqual([]);
  });
});

describe("names of files", () => {
  test.each([
    ["model.Q4_K_M.gguf", "Q4_K_M"],
    ["model-q8_0.gguf", "Q8_0"],
    ["model-UD-IQ2_XXS.gguf", "IQ2_XXS"],
    ["model-bf16.gguf", "BF16"],
    ["model-mxfp4.gguf", "MXFP4"],
    ["model-Q6_K-00001-of-00009.gguf", "Q6_K"],
  ])("%p is %p", (file, quant) => {
    expect(pickFile("user/repo", [file], quant)).toBe(file);
  });

  test("without Q4_K_M the first file is taken, never a projector", () => {
    const files = ["mmproj-Q8_0.gguf", "model-Q5_0.gguf", "model-Q8_0.gguf"];
    expect(pickFile("user/repo", files, null)).toBe("model-Q5_0.gguf");
    expect(() => pickFile("user/repo", ["README.md"], null)).toThrow("user/repo has no GGUF file");
  });

  test("a model without all of its parts does not count", () => {
    const [one, two] = ["m-Q8_0-00001-of-00002.gguf", "m-Q8_0-00002-of-00002.gguf"];
    expect(wantedIn([one, "other.txt"], "Q8_0", false)).toBeUndefined();
    expect(wantedIn([two, one], "Q8_0", false)).toBe(one);
    expect(partsOf([two, one, "n-Q8_0-00001-of-00002.gguf"], one)).toEqual([one, two]);
  });
});

test("progress is told every tenth, or every 64 MiB where the length is not known", () => {
  const lines: string[] = [];
  const known = progressLine("a", (line) => lines.push(line));
  for (const done of [5, 10, 19, 20, 100]) known(done * 2 ** 20, 100 * 2 ** 20);
  const unknown = progressLine("b", (line) => lines.push(line));
  for (const done of [63, 64, 100]) unknown(done * 2 ** 20, null);
  expect(lines).toEqual(["a: 10% (10 MiB)", "a: 20% (20 MiB)", "a: 100% (100 MiB)", "b: 64 MiB"]);
});
