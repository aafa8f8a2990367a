// Options for commands other than `serve`.

import { describe, expect, test } from "bun:test";
import { readInvocation } from "../../src/cli/invocation.ts";
import { isGiven, parseOptions } from "../../src/cli/parse-options.ts";

describe("options for other commands", () => {
  function parseChat(argv: string[], env: Record<string, string> = {}, yaml = {}) {
    return parseOptions("chat", { argv, env, readYaml: () => yaml }, () => {});
  }

  test("a JSON value can be set as a whole, by key, or both; later values override earlier ones", () => {
    const name = "extra-body";
    expect(parseChat(["--extra-body", '{"a":1}'])[name]).toEqual({ a: 1 });
    expect(parseChat(["--extra_body.a", "1", "--extra-body.b.c=true"])[name]).toEqual({
      a: 1,
      b: { c: true },
    });
    const both = ["--extra-body.a", "1", "--extra-body", '{"b":2}', "--extra-body.a", "text"];
    expect(parseChat(both)[name]).toEqual({ a: "text", b: 2 });
    expect(parseChat([], { PAGODA_EXTRA_BODY: '{"a":1}' })[name]).toEqual({ a: 1 });
    const file = { "extra-body": { a: [1] } };
    expect(parseChat(["--config", "x.yaml"], {}, file)[name]).toEqual({ a: [1] });
    for (const words of [["--extra-body", "[1]"], ["--extra-body", "1"], ["--extra-body.a"]]) {
      expect(() => parseChat(words)).toThrow("--extra-body");
    }
  });

  test("options can have one-letter names", () => {
    expect(parseChat(["-q", "a message"]).quick).toBe("a message");
  });

  test("an option for another command is an error on the command line, but is ignored in a file", () => {
    expect(() => parseChat(["--host", "a"])).toThrow(
      "unknown option --host: --url selects the server",
    );
    expect(() => parseChat(["--yes"])).toThrow("chat has no option --yes; chat --help");
    expect(parseChat(["--config", "x.yaml"], {}, { port: 1, seed: 7 }).seed).toBe(7);
  });

  test("arguments fill a command's positions, and a list takes the rest", () => {
    const sources = { env: {}, readYaml: () => ({}) };
    const rm = parseOptions("rm", { argv: ["a", "b", "--yes", "c"], ...sources }, () => {});
    expect(rm).toEqual({ models: ["a", "b", "c"], yes: true });
    const complete = (argv: string[]) => parseOptions("complete", { argv, ...sources }, () => {});
    expect(complete(["-"]).prompt).toBe("-");
    expect(() => complete(["a", "b"])).toThrow("unexpected argument b");
  });

  test("arguments after -- are not options", () => {
    const sources = { env: {}, readYaml: () => ({}) };
    const complete = (...argv: string[]) =>
      parseOptions("complete", { argv, ...sources }, () => {});
    expect(complete("--top-p", "1", "--", "--max-tokens 5 means")).toMatchObject({
      ...{ "top-p": 1, prompt: "--max-tokens 5 means", "max-tokens": null },
    });
    expect(complete("--").prompt).toBe("-");
    expect(() => complete("--", "a", "--", "b")).toThrow("unexpected argument --");
    const invoked = { argv: ["complete", "--", "--help"], ...sources };
    expect(readInvocation(invoked, { version: "1", columns: 80 })).toEqual({
      ...{ command: "complete", argv: ["--", "--help"] },
    });
  });

  test("isGiven() is true only for options that were set", () => {
    const sources = { env: { PAGODA_MODEL: "m" }, readYaml: () => ({}) };
    expect(isGiven("chat", "model", { argv: [], ...sources })).toBe(true);
    expect(isGiven("chat", "model", { argv: [], ...sources, env: {} })).toBe(false);
  });
});
