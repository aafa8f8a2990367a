// The rules of the house that a program can check: which folder may import which, who may touch what,
// how long files and functions are, what must not be in a tracked file.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { longFunctions } from "./support/long-functions.ts";

const ROOT = join(import.meta.dir, "..");

/** What each room may import beside itself. A room is a folder of src; files directly in src are `root`. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["commands", "cli", "runtime", "root"],
  commands: [
    ...["cli", "benchmark", "client", "server", "front", "metrics", "process", "engine", "runner"],
    ...["protocol", "models", "runtime", "root"],
  ],
  library: [
    ...["cli", "server", "api", "front", "metrics", "engine", "protocol", "models", "request"],
    ...["runtime", "root"],
  ],
  cli: ["engine", "protocol", "models", "request", "runtime", "root"],
  benchmark: ["client", "root"],
  client: ["root"],
  models: ["request", "runtime", "root"],
  server: ["api", "front", "metrics", "protocol", "request", "runtime", "root"],
  api: ["front", "metrics", "protocol", "request", "root"],
  front: ["metrics", "protocol", "request", "runtime", "root"],
  metrics: ["protocol", "request", "root"],
  process: ["process/channel", "engine", "protocol", "root"],
  "process/channel": ["engine", "protocol", "request", "root"],
  engine: ["engine/text", "scheduler", "runner", "kvcache", "protocol", "request", "root"],
  "engine/text": ["scheduler", "runner", "protocol", "request", "root"],
  runner: ["scheduler", "protocol", "request", "runtime", "root"],
  scheduler: ["kvcache", "request", "root"],
  kvcache: ["protocol", "request", "root"],
  protocol: ["request", "root"],
  request: ["root"],
  runtime: ["root"],
  root: [],
};

/** Imports that still go up; each is to be ended. */
const STILL_UPWARD: readonly string[] = [];

const tracked = Bun.spawnSync(["git", "ls-files"], { cwd: ROOT })
  .stdout.toString()
  .split("\n")
  .filter((path) => path !== "" && path !== "third_party/llama.cpp");
const sources = tracked.filter((path) => path.startsWith("src/") && path.endsWith(".ts"));
const code = tracked.filter((path) =>
  /^(src|native|test|scripts|bench)\/.*\.(ts|cjs|cpp|c|h)$/.test(path),
);
const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");

function roomOf(path: string): string {
  const folders = path.split("/").slice(1, -1);
  if (folders.length > 0) return folders.join("/");
  return path === "src/main.ts" ? "main.ts" : "root";
}

function* importsOf(path: string): Generator<string> {
  for (const [, target = ""] of textOf(path).matchAll(/from "(\.[^"]+)"|import\("(\.[^"]+)"\)/g)) {
    if (target !== "") yield relative(ROOT, join(ROOT, dirname(path), target));
  }
}

/** Returns the first circle that following `next` from any of the nodes runs into, its start twice; [] = none. */
function circleIn(nodes: Iterable<string>, next: (node: string) => Iterable<string>): string[] {
  const done = new Set<string>();
  const circleFrom = (node: string, path: readonly string[]): string[] => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return [];
    done.add(node);
    for (const other of next(node)) {
      const circle = circleFrom(other, [...path, node]);
      if (circle.length > 0) return circle;
    }
    return [];
  };
  for (const node of nodes) {
    const circle = circleFrom(node, []);
    if (circle.length > 0) return circle;
  }
  return [];
}

/** Lines that match, as "file:line". */
function linesWith(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    textOf(path)
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
  );
}

const except = (paths: readonly string[], ...prefixes: string[]) =>
  paths.filter((path) => !prefixes.some((prefix) => path.startsWith(prefix)));

describe("the house", () => {
  test("imports only go down", () => {
    const upward = sources.flatMap((path) =>
      [...importsOf(path)]
        .filter((target) => target.startsWith("src/"))
        .filter((target) => {
          const from = roomOf(path);
          const to = roomOf(target);
          if (STILL_UPWARD.includes(`${from} -> ${to}`)) return false;
          return from !== to && IMPORTS[from]?.includes(to) !== true;
        })
        .map((target) => `${path} -> ${target}`),
    );
    expect(upward).toEqual([]);
  });

  test("no file imports itself, not even by way of others", () => {
    expect(circleIn(sources, importsOf)).toEqual([]);
  });

  test("the scheduler's types are all that the runner takes from it", () => {
    const taken = sources
      .filter((path) => path.startsWith("src/runner/"))
      .flatMap((path) =>
        [...importsOf(path)].filter((target) => target.includes("src/scheduler/")),
      );
    expect(new Set(taken)).toEqual(new Set(["src/scheduler/scheduler-output.ts"]));
  });

  test("each library and the runtime have one door", () => {
    expect(linesWith(except(sources, "src/server/"), /from "elysia"/)).toEqual([]);
    expect(linesWith(except(sources, "src/metrics/registry.ts"), /from "prom-client"/)).toEqual([]);
    expect(linesWith(except(sources, "src/runner/"), /\.node"/)).toEqual([]);
    expect(linesWith(except(sources, "src/runtime/"), /\b(Bun|Deno)\.|from "bun"/)).toEqual([]);
  });

  test("policy knows no clock and no I/O", () => {
    const policy = sources.filter((path) => /^src\/(scheduler|kvcache|request)\//.test(path));
    const effects = /\b(Date\.now|performance\.|setTimeout|fetch\(|node:fs|Math\.random|await )/;
    expect(linesWith(policy, effects)).toEqual([]);
  });
});

describe("every file", () => {
  test("opens with what it owns", () => {
    const headless = code.filter((path) => !/^(#!.*\n)?(\/\/|import type)/.test(textOf(path)));
    expect(headless).toEqual([]);
  });

  test("has at most 400 lines, a test 600", () => {
    const limit = (path: string) => (path.startsWith("test/") ? 600 : 400);
    expect(code.filter((path) => textOf(path).split("\n").length > limit(path) + 1)).toEqual([]);
  });

  test("has no function over 70 lines", () => {
    const found = code.flatMap((path) =>
      longFunctions(textOf(path), 70).map((line) => `${path}:${line}`),
    );
    expect(found).toEqual([]);
  });

  test("has no loose type, no left-over mark, no vague name", () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b/;
    expect(linesWith(except(code, "test/tidy.test.ts"), marks)).toEqual([]);
    const loose = /^\s*(?!\/\/)\S.*(: any\b|as any\b)|@ts-(ignore|expect|nocheck)/;
    expect(linesWith(except(code, "test/tidy.test.ts"), loose)).toEqual([]);
    expect(linesWith(sources, /[\w)\]]!(\.|\[|;|,|\))/)).toEqual([]);
    expect(code.filter((path) => /(utils?|helpers?|common|misc)\.(ts|h|cpp)$/.test(path))).toEqual(
      [],
    );
  });

  test("names no package registry and no path of a machine", () => {
    const readable = tracked.filter((path) => path !== "test/tidy.test.ts");
    const hosts = /\b(npmjs|pypi|pythonhosted|yarnpkg|crates|golang|maven|debian)\.(org|com|io)\b/i;
    expect(linesWith(readable, hosts)).toEqual([]);
    expect(linesWith(readable, /\/(work|root|home\/\w+)\//)).toEqual([]);
  });
});

describe("the rule of a function's length", () => {
  const body = (column: number, numLines: number) =>
    Array.from({ length: numLines }, () => `${" ".repeat(column)}  step();\n\n`.trimEnd()).join(
      "\n",
    );
  const lengths: readonly (readonly [string, (lines: string) => string, column: number])[] = [
    ["a function", (lines) => `export function f(a: number): void {\n${lines}\n}`, 0],
    [
      "a signature of lines",
      (lines) => `async function f(\n  a: number,\n): void {\n${lines}\n}`,
      0,
    ],
    ["an arrow function", (lines) => `const f = async (\n  a: A,\n) => {\n${lines}\n};`, 0],
    ["a method", (lines) => `class A {\n  async #f<T>(a: T) {\n${lines}\n  }\n}`, 2],
    ["a function of C++", (lines) => `static void f(int a,\n    int b) {\n${lines}\n}`, 0],
    ["a constructor", (lines) => `A::A(int a)\n    : a(a) {\n#if X\n${lines}\n#endif\n}`, 0],
    ["a method of C++", (lines) => `struct A {\n  void f() const {\n${lines}\n  }\n};`, 2],
  ];

  test.each(lengths)("counts %s from its signature to its last brace", (_, text, column) => {
    const least = text("x").split("\n").length;
    const start = column === 0 ? 1 : 2;
    const around = column === 0 ? 0 : 2;
    const numLines = (inner: string) => text(inner).split("\n").length - around;
    const fits = body(column, 70 - least + around + 1);
    expect(numLines(fits)).toBe(70);
    expect(longFunctions(text(fits), 70)).toEqual([]);
    expect(longFunctions(text(`${fits}\n${body(column, 1)}`), 70)).toEqual([start]);
  });

  test("is not about classes, namespaces and suites", () => {
    const methods = "  f() {\n    step();\n  }\n".repeat(30);
    for (const head of [
      "export class A<T> {",
      "struct A {",
      "namespace a {",
      'describe("a", () => {',
    ]) {
      expect(longFunctions(`${head}\n${methods}}`, 70)).toEqual([]);
    }
  });
});
