// The list of models on this machine, in folders that other programs also write to.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { installedModels, removeModel } from "../../src/models/installed-models.ts";
import { resolveModel } from "../../src/models/model-source.ts";
import { removeTempFolders, tempFolder, writeFiles } from "../support/temp-checkout.ts";

afterAll(removeTempFolders);

function setting() {
  const [modelsDir, cache] = [tempFolder(), tempFolder()];
  const env = { HF_HUB_CACHE: cache, XDG_CACHE_HOME: tempFolder() };
  const repo = join(cache, "models--user--repo");
  const names = () => installedModels(env, modelsDir).map(({ name }) => name);
  return { modelsDir, cache, env, repo, names };
}

describe("installedModels", () => {
  test("skips dangling links, circular links, and folders named like models", () => {
    const { modelsDir, names } = setting();
    writeFiles(modelsDir, { "model.gguf": "x", "inner/other.gguf": "x" });
    symlinkSync("missing", join(modelsDir, "lost.gguf"));
    symlinkSync("circle.gguf", join(modelsDir, "circle.gguf"));
    symlinkSync("..", join(modelsDir, "inner", "up"));
    mkdirSync(join(modelsDir, "folder.gguf"));
    expect(names()).toEqual([join(modelsDir, "inner/other.gguf"), join(modelsDir, "model.gguf")]);
  });

  test("follows links to files and folders elsewhere", () => {
    const { modelsDir, names } = setting();
    const elsewhere = tempFolder();
    writeFiles(elsewhere, { "a.gguf": "x" });
    symlinkSync(elsewhere, join(modelsDir, "disk"));
    symlinkSync(join(elsewhere, "a.gguf"), join(modelsDir, "b.gguf"));
    expect(names()).toEqual([join(modelsDir, "b.gguf"), join(modelsDir, "disk/a.gguf")]);
  });

  test("skips stray files among the commits and repositories in the hub's cache", async () => {
    const { cache, env, repo, names } = setting();
    writeFiles(repo, { "snapshots/abc/m-Q8_0.gguf": "x", "snapshots/.DS_Store": "" });
    writeFiles(cache, { "models--user--file": "" });
    mkdirSync(join(repo, "refs", "main"), { recursive: true });
    expect(names()).toEqual(["user/repo:Q8_0"]);
    const path = await resolveModel("user/repo:Q8_0", { env, modelsDir: null, log: () => {} });
    expect(path).toBe(join(repo, "snapshots/abc/m-Q8_0.gguf"));
  });

  test("is empty if a file is in place of a folder", () => {
    const folder = tempFolder();
    writeFiles(folder, { hub: "" });
    const env = { HF_HOME: folder, XDG_CACHE_HOME: tempFolder() };
    expect(installedModels(env, join(folder, "hub"))).toEqual([]);
  });
});

describe("removeModel", () => {
  test("removes a repository with its last model, even if a dangling link is left", () => {
    const { env, repo } = setting();
    writeFiles(repo, { "blobs/b1": "x", "snapshots/.DS_Store": "" });
    mkdirSync(join(repo, "snapshots", "abc"));
    symlinkSync("../../blobs/b1", join(repo, "snapshots/abc/m-Q8_0.gguf"));
    symlinkSync("../../blobs/b2", join(repo, "snapshots/abc/m-Q4_0.gguf"));
    const [model] = installedModels(env, null);
    if (model === undefined) throw new Error("no model");
    removeModel(model);
    expect(existsSync(join(repo, "blobs/b1"))).toBe(false);
  });
});
