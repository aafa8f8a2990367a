// The cache of compiled grammars, with a compiler that the test controls.

import { describe, expect, test } from "bun:test";
import { RequestError } from "../../src/errors.ts";
import type { GrammarSpec } from "../../src/request/sampling-params.ts";
import { GrammarCache } from "../../src/runner/grammar-cache.ts";
import { makeRequest } from "../support/make-request.ts";
import { settled } from "../support/waiting.ts";

/** Compiles each text when a test says so; handles are 1, 2, ... */
class FakeCompiler {
  readonly started: string[] = [];
  readonly freed: number[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<number>>();

  compileGrammar(_kind: string, text: string): Promise<number> {
    this.started.push(text);
    const end = Promise.withResolvers<number>();
    this.#ends.set(text, end);
    return end.promise;
  }

  freeGrammar(handle: number): void {
    this.freed.push(handle);
  }

  async finish(text: string): Promise<void> {
    this.#ends.get(text)?.resolve(this.started.indexOf(text) + 1);
    await settled();
  }

  async fail(text: string, code: string, message: string): Promise<void> {
    this.#ends.get(text)?.reject(Object.assign(new Error(message), { code }));
    await settled();
  }
}

const spec = (text: string): GrammarSpec => ({ kind: "lark", text, param: "grammar" });

function setUp() {
  const compiler = new FakeCompiler();
  const lines: string[] = [];
  const cache = new GrammarCache(compiler, (line) => lines.push(line));
  const compile = (id: string, text: string) => cache.compile([makeRequest(id, 1)], spec(text));
  return { compiler, cache, compile, lines };
}

describe("grammar cache", () => {
  test("compiles a grammar's text only once for all sequences", async () => {
    const { compiler, cache, compile } = setUp();
    const first = compile("a", "x");
    const second = compile("b", "x");
    expect(first).not.toBeNull();
    expect(second).toBe(first);
    expect(cache.handleOf("a")).toBe(0);
    await compiler.finish("x");
    await first;
    expect(compile("c", "x")).toBeNull();
    expect(compiler.started).toEqual(["x"]);
    expect([cache.handleOf("a"), cache.handleOf("b"), cache.handleOf("c")]).toEqual([1, 1, 1]);
  });

  test("distinguishes grammars of different kinds with the same text", () => {
    const { compiler, cache, compile } = setUp();
    compile("a", "x");
    cache.compile([makeRequest("b", 1)], { kind: "regex", text: "x", param: "regex" });
    expect(compiler.started).toEqual(["x", "x"]);
  });

  test("compiles two grammars at a time, in order, even after failures", async () => {
    const { compiler, compile } = setUp();
    const all = ["p", "q", "r", "s"].map((text) => compile(text, text));
    expect(compiler.started).toEqual(["p", "q"]);
    all[0]?.catch(() => {});
    await compiler.fail("p", "grammar_error", "bad");
    expect(compiler.started).toEqual(["p", "q", "r"]);
    await compiler.finish("r");
    expect(compiler.started).toEqual(["p", "q", "r", "s"]);
  });

  test("names the field in a failure, and compiles the text again for the next request", async () => {
    const { compiler, cache, compile } = setUp();
    const failing = compile("a", "x");
    const caught = failing?.catch((error: unknown) => error);
    await settled();
    await compiler.fail("x", "grammar_error", "unknown rule\n   1 | start: x\n              ^\n");
    const error = await caught;
    expect(error).toBeInstanceOf(RequestError);
    expect(error).toMatchObject({
      code: "invalid_value",
      param: "grammar",
      message: "`grammar` cannot be enforced: unknown rule",
    });
    cache.release("a");
    compile("b", "x");
    await settled();
    expect(compiler.started).toEqual(["x", "x"]);
  });

  test("reports grammars as unsupported if the addon lacks the library, and passes on other errors", async () => {
    const { compiler, compile } = setUp();
    const first = compile("a", "x")?.catch((error: unknown) => error);
    const second = compile("b", "y")?.catch((error: unknown) => error);
    await settled();
    await compiler.fail("x", "grammar_unavailable", "built without llguidance");
    await compiler.fail("y", "disposed", "the model is gone");
    expect(await first).toMatchObject({ code: "unsupported", param: "grammar" });
    expect(await second).toMatchObject({ code: "disposed" });
  });

  test("runs sequences without an optional grammar that cannot be compiled, with a warning", async () => {
    const { compiler, cache, lines } = setUp();
    const optional = { ...spec("x"), isOptional: true };
    const ready = cache.compile([makeRequest("a", 1)], optional);
    const failing = cache
      .compile([makeRequest("b", 1)], spec("x"))
      ?.catch((error: unknown) => error);
    await settled();
    await compiler.fail("x", "grammar_error", "too complex");
    await ready;
    expect(cache.handleOf("a")).toBe(0);
    const message = "`grammar` cannot be enforced: too complex";
    expect(lines).toEqual([`warning: ${message}; the output does not follow it`]);
    expect(await failing).toMatchObject({ message });
  });

  test("passes on other errors from optional grammars", async () => {
    const { compiler, cache, lines } = setUp();
    const ready = cache.compile([makeRequest("a", 1)], { ...spec("x"), isOptional: true });
    const caught = ready?.catch((error: unknown) => error);
    await settled();
    await compiler.fail("x", "disposed", "the model is gone");
    expect(await caught).toMatchObject({ code: "disposed" });
    expect(lines).toEqual([]);
  });

  test("refuses grammars of more than four million characters", async () => {
    const { compiler, compile } = setUp();
    const failing = compile("a", "x".repeat(4 * 1024 * 1024 + 1));
    await expect(failing as Promise<void>).rejects.toThrow(
      "`grammar` is too long: at most 4194304 characters, got 4194305",
    );
    expect(compiler.started).toEqual([]);
  });

  test("frees the least recently used grammar if more than 128 are unused, and never one in use", async () => {
    const { compiler, cache, compile } = setUp();
    for (let i = 0; i < 130; i++) {
      const isCompiled = compile(`r${i}`, `g${i}`);
      await settled();
      await compiler.finish(`g${i}`);
      await isCompiled;
    }
    expect(compiler.freed).toEqual([]);
    cache.release("r5");
    expect(compiler.freed).toEqual([6]);
    cache.release("r3");
    cache.release("r7");
    expect(compiler.freed).toEqual([6, 4]);
    expect(cache.handleOf("r7")).toBe(0);
    expect(compile("again", "g7")).toBeNull();
    cache.release("unknown");
  });

  test("evicts grammars once the total length is too large", async () => {
    const { compiler, cache, compile } = setUp();
    for (const [i, letter] of ["a", "b", "c", "d", "e"].entries()) {
      const text = letter.repeat(128 * 1024 - 10);
      const isCompiled = compile(letter, text);
      await settled();
      await compiler.finish(text);
      await isCompiled;
      cache.release(letter);
      expect(compiler.freed).toEqual(i < 4 ? [] : [1]);
    }
  });

  test("keeps the most recently used grammar, no matter how long it is", async () => {
    const { compiler, cache, compile } = setUp();
    const long = "x".repeat(1024 * 1024);
    const isCompiled = compile("a", long);
    await compiler.finish(long);
    await isCompiled;
    cache.release("a");
    expect(compile("b", long)).toBeNull();
    cache.release("b");
    compile("c", "other");
    expect(compiler.freed).toEqual([1]);
  });
});
