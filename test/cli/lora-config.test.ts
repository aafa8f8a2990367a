// Options for LoRA adapters, with vLLM's names, formats and rules.

import { describe, expect, test } from "bun:test";
import { loraConfig, loraModules } from "../../src/cli/lora-config.ts";
import { parse } from "../support/serve-options.ts";

const configOf = (...argv: string[]) => loraConfig(parse(argv));
const modulesOf = (...texts: string[]) =>
  loraModules(parse(["--enable-lora", "--lora-modules", ...texts]));

const sql = { name: "sql", path: "/a.gguf", baseModelName: null };

describe("LoRA options", () => {
  test("are off by default and have vLLM's defaults", () => {
    expect(configOf()).toBeNull();
    expect(configOf("--max-loras", "4")).toBeNull();
    expect(configOf("--enable-lora")).toEqual({ maxLoras: 1, maxLoadedLoras: 1, maxLoraRank: 16 });
  });

  test("set how many adapters run, how many are in memory, and their rank", () => {
    const argv = ["--enable-lora", "--max-loras=2", "--max-cpu-loras=8", "--max-lora-rank=64"];
    expect(configOf(...argv)).toEqual({ maxLoras: 2, maxLoadedLoras: 8, maxLoraRank: 64 });
    expect(configOf("--enable-lora", "--max-loras", "3")).toMatchObject({ maxLoadedLoras: 3 });
  });

  test.each([
    [["--max-loras", "0"], "--max-loras: must be in [1, 255], got 0"],
    [["--max-lora-rank", "513"], "--max-lora-rank: must be in [1, 512], got 513"],
    [
      ["--max-loras", "4", "--max-cpu-loras", "2"],
      "--max-cpu-loras 2 must be at least --max-loras 4",
    ],
  ])("refuse %p", (argv, message) => {
    expect(() => configOf("--enable-lora", ...argv)).toThrow(message);
  });

  test("refuse modules without --enable-lora", () => {
    expect(() => configOf("--lora-modules", "a=/a")).toThrow(
      "--lora-modules requires --enable-lora",
    );
  });
});

describe("--lora-modules", () => {
  test("takes several files, but not the model after them", () => {
    expect(modulesOf("a=a.gguf", "b=b.gguf").map(({ path }) => path)).toEqual(["a.gguf", "b.gguf"]);
    expect(() => modulesOf("a=a.gguf", "model.gguf")).toThrow("put the model before it");
  });

  test("accepts names and paths, which can contain an equals sign", () => {
    expect(modulesOf("sql=/a.gguf", "b=/x=y")).toEqual([
      sql,
      { name: "b", path: "/x=y", baseModelName: null },
    ]);
  });

  test("accepts JSON objects and lists of them", () => {
    const json = '{"name":"b","path":"/b","base_model_name":"tiny"}';
    const b = { name: "b", path: "/b", baseModelName: "tiny" };
    expect(modulesOf(json, '{"name": "sql", "path": "/a.gguf"}')).toEqual([b, sql]);
    expect(modulesOf(`[${json}]`)).toEqual([b]);
  });

  test("accepts the same strings from a config file", () => {
    const modules = ["sql=/a.gguf", '{"name":"b","path":"/b"}'];
    const yaml = { "enable-lora": true, "lora-modules": modules };
    const options = parse(["--config", "x.yaml"], {}, yaml);
    expect(loraModules(options)).toEqual([sql, { name: "b", path: "/b", baseModelName: null }]);
  });

  test.each([
    ["sql", "expected name=path or JSON, got sql"],
    ["=/a", "expected a name and a path, got =/a"],
    ["sql=", "expected a name and a path, got sql="],
    ["[1]", "expected name=path or JSON, got [1]"],
    ['{"name":"a"}', "expected a name and a path"],
    ['{"name":"a","path":5}', "expected a name and a path"],
    ['{"name":"a","path":"/a","rank":5}', "unknown key rank"],
    ['{"name":"a","path":"/a","base_model_name":5}', "base_model_name must be a name"],
    ['{"name":"a","path"', "expected name=path or JSON"],
  ])("refuses %s", (text, message) => {
    expect(() => modulesOf(text)).toThrow(`--lora-modules: ${message}`);
  });
});
