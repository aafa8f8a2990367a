// Conventions that a program can check: imports between folders, allowed APIs, file and
// function sizes, and forbidden text in tracked files.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { longFunctions } from "./support/long-functions.ts";

const ROOT = join(import.meta.dir, "..");

/** Allowed imports for main.ts and each folder in src. All of them can import the files directly in src. */
const IMPORTS: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["commands", "cli", "runtime"],
  commands: [
    ...["cli", "benchmark", "client", "server", "front", "metrics", "process", "engine", "runner"],
    ...["protocol", "models", "runtime"],
  ],
  library: [
    ...["cli", "server", "api/schema", "api", "front", "metrics", "engine", "protocol", "models"],
    ...["request", "runtime"],
  ],
  cli: ["engine", "speculation", "formats", "protocol", "models", "request", "runtime"],
  benchmark: ["client"],
  client: [],
  models: ["request", "runtime"],
  adapters: ["models", "runtime"],
  server: [
    ...["api/messages", "api/responses", "api/schema", "api", "front", "metrics", "protocol"],
    "runtime",
  ],
  "api/messages": ["api/schema", "api", "front", "protocol"],
  "api/responses": ["api/schema", "api", "front", "protocol"],
  api: ["api/schema", "api/grammar", "formats", "front", "metrics", "protocol", "request"],
  "api/schema": [],
  "api/grammar": ["api/schema"],
  front: ["metrics", "protocol", "request", "runtime"],
  metrics: ["protocol", "request"],
  process: ["process/channel", "engine", "protocol"],
  "process/channel": ["engine", "protocol", "request"],
  engine: [
    ...["adapters", "engine/text", "formats", "speculation", "scheduler", "runner", "kvcache"],
    ...["protocol", "request"],
  ],
  "engine/text": ["scheduler", "runner", "formats", "protocol", "request"],
  runner: ["scheduler", "protocol", "request", "runtime"],
  speculation: ["request"],
  scheduler: ["kvcache", "request"],
  kvcache: ["protocol", "request"],
  formats: ["protocol", "request"],
  protocol: ["request"],
  request: [],
  runtime: [],
};

/** Allowed includes for each folder in native. All folders can include native/error-codes.h. */
const INCLUDES: Readonly<Record<string, readonly string[]>> = {
  addon: ["model", "adapters", "attention", "matmul", "grammar"],
  model: ["adapters", "attention", "matmul", "head", "sampling", "grammar", "text"],
  adapters: ["simd"],
  attention: ["simd"],
  matmul: ["head", "simd"],
  head: ["sampling"],
  sampling: ["grammar", "simd"],
  grammar: ["text"],
  text: [],
  simd: [],
};

/** The only files of `folder` that paths matching `from` may import. */
const ONLY: readonly (readonly [from: RegExp, folder: string, files: readonly string[]])[] = [
  [/^src\/runner\//, "scheduler", ["src/scheduler/scheduler-output.ts"]],
  [/^src\/process\//, "engine", ["src/engine/engine-config.ts"]],
  [/^src\/library\/(?!server\.ts)/, "server", []],
];

const tracked = Bun.spawnSync(["git", "ls-files"], { cwd: ROOT })
  .stdout.toString()
  .split("\n")
  .filter((path) => path !== "" && path !== "third_party/llama.cpp");
const sources = tracked.filter((path) => path.startsWith("src/") && path.endsWith(".ts"));
const code = tracked.filter((path) =>
  /^(src|native|test|scripts|bench)\/.*\.(ts|cjs|cpp|c|h)$/.test(path),
);
const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** @returns null for a file directly in src */
function folderOf(path: string): string | null {
  const folders = path.split("/").slice(1, -1);
  if (folders.length > 0) return folders.join("/");
  return path === "src/main.ts" ? "main.ts" : null;
}

function* importsOf(path: string): Generator<string> {
  for (const [, target = ""] of textOf(path).matchAll(/from "(\.[^"]+)"|import\("(\.[^"]+)"\)/g)) {
    if (target !== "") yield relative(ROOT, join(ROOT, dirname(path), target));
  }
}

/** Imports from other folders, including those in files directly in src. */
const IMPORTS_BETWEEN_FOLDERS = sources.flatMap((path) => {
  const from = folderOf(path);
  return [...importsOf(path)].flatMap((target) => {
    const to = target.startsWith("src/") ? folderOf(target) : null;
    return to === null || to === from ? [] : [{ path, from, target, to }];
  });
});

const natives = tracked.filter((path) => /^native\/.*\.(cpp|h)$/.test(path));

function* includesOf(path: string): Generator<string> {
  for (const [, target = ""] of textOf(path).matchAll(/^#include "([^"]+)"/gm)) yield target;
}

/** Includes of files in folders of native, except llama.cpp's. */
const INCLUDES_OF_NATIVE = natives.flatMap((path) => {
  const [, folder = ""] = /^native\/([^/]+)\//.exec(path) ?? [];
  return [...includesOf(path)]
    .filter((target) => target.includes("/") && natives.includes(`native/${target}`))
    .map((target) => ({
      path,
      from: folder === "" ? null : folder,
      target,
      to: target.slice(0, target.indexOf("/")),
    }));
});

/** @param readme with a row for each folder, its imports in the last cell */
function graphShownIn(readme: string): Readonly<Record<string, readonly string[]>> {
  const rows = textOf(readme).matchAll(/^\| `([^`]+)` \|.*\| ([^|]*)\|$/gm);
  const shown = [...rows].map(([, folder = "", cell = ""]) => {
    const imports = cell.split(",").map((name) => name.trim());
    return [folder, imports.filter((name) => name !== "")] as const;
  });
  return Object.fromEntries(shown);
}

/** @returns the first cycle along `next` from any node, with the first node repeated at the end; [] = none */
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

/** @returns matching lines as "file:line" */
function linesWith(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    textOf(path)
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
  );
}

const except = (paths: readonly string[], ...prefixes: string[]) =>
  paths.filter((path) => !prefixes.some((prefix) => path.startsWith(prefix)));

describe("the source tree", () => {
  test("has only allowed imports", () => {
    const upward = IMPORTS_BETWEEN_FOLDERS.filter(
      ({ from, to }) => from === null || IMPORTS[from]?.includes(to) !== true,
    );
    expect(upward.map(({ path, target }) => `${path} -> ${target}`)).toEqual([]);
  });

  test("uses every allowed import", () => {
    const made = new Set(IMPORTS_BETWEEN_FOLDERS.map(({ from, to }) => `${from} -> ${to}`));
    const allowed = Object.entries(IMPORTS).flatMap(([from, folders]) =>
      folders.map((to) => `${from} -> ${to}`),
    );
    expect(allowed.filter((edge) => !made.has(edge))).toEqual([]);
  });

  test("has no cycle between folders", () => {
    expect(circleIn(Object.keys(IMPORTS), (folder) => IMPORTS[folder] ?? [])).toEqual([]);
  });

  test("matches the graph in src/README.md", () => {
    expect(graphShownIn("src/README.md")).toEqual(IMPORTS);
  });

  test("has no cycle between files", () => {
    expect(circleIn(sources, importsOf)).toEqual([]);
  });

  test.each(ONLY)("%p imports from %s only %p", (from, folder, files) => {
    const taken = IMPORTS_BETWEEN_FOLDERS.filter(
      ({ path, to }) => from.test(path) && to === folder,
    );
    expect(new Set(taken.map(({ target }) => target))).toEqual(new Set(files));
  });

  test("uses each library and each runtime API in only one folder", () => {
    expect(linesWith(except(sources, "src/server/"), /from "elysia"/)).toEqual([]);
    expect(linesWith(except(sources, "src/api/"), /from "@sinclair\/typebox/)).toEqual([]);
    expect(linesWith(except(sources, "src/metrics/registry.ts"), /from "prom-client"/)).toEqual([]);
    expect(linesWith(except(sources, "src/runner/"), /\.node"/)).toEqual([]);
    expect(linesWith(except(sources, "src/runtime/"), /\b(Bun|Deno)\.|from "bun"/)).toEqual([]);
  });

  test("has no HTTP in the API, the front, or the protocol", () => {
    const folders = sources.filter((path) => /^src\/(api|front|protocol)\//.test(path));
    expect(linesWith(folders, /new Response\(|: (Request|Response|Headers)\b|node:http/)).toEqual(
      [],
    );
  });

  test("has no clocks or I/O in the scheduler, the KV cache, or requests", () => {
    const policy = sources.filter((path) => /^src\/(scheduler|kvcache|request)\//.test(path));
    const effects = /\b(Date\.now|performance\.|setTimeout|fetch\(|node:fs|Math\.random|await )/;
    expect(linesWith(policy, effects)).toEqual([]);
  });
});

describe("native", () => {
  test("has only allowed includes, with paths from native/", () => {
    const upward = INCLUDES_OF_NATIVE.filter(
      ({ from, to }) => from !== to && (from === null || INCLUDES[from]?.includes(to) !== true),
    );
    expect(upward.map(({ path, target }) => `${path} -> ${target}`)).toEqual([]);
    const own = new Set(natives.map((path) => basename(path)));
    const bySibling = natives.flatMap((path) =>
      [...includesOf(path)]
        .filter((target) => own.has(target) && !natives.includes(`native/${target}`))
        .map((target) => `${path} -> ${target}`),
    );
    expect(bySibling).toEqual([]);
    expect(linesWith(natives, /^#include "\./)).toEqual([]);
  });

  test("uses every allowed include", () => {
    const made = new Set(INCLUDES_OF_NATIVE.map(({ from, to }) => `${from} -> ${to}`));
    const allowed = Object.entries(INCLUDES).flatMap(([from, folders]) =>
      folders.map((to) => `${from} -> ${to}`),
    );
    expect(allowed.filter((edge) => !made.has(edge))).toEqual([]);
  });

  test("has no cycle between folders", () => {
    expect(circleIn(Object.keys(INCLUDES), (folder) => INCLUDES[folder] ?? [])).toEqual([]);
  });

  test("matches the graph in native/README.md", () => {
    expect(graphShownIn("native/README.md")).toEqual(INCLUDES);
    const folders = natives.map((path) => path.split("/").slice(1, -1).join("/"));
    expect(new Set(folders)).toEqual(new Set([...Object.keys(INCLUDES), ""]));
  });
});

describe("every file", () => {
  test("begins with a header comment", () => {
    const headless = code.filter((path) => !/^(#!.*\n)?(\/\/|import type)/.test(textOf(path)));
    expect(headless).toEqual([]);
  });

  test("has at most 400 lines, or 600 in test/", () => {
    const limit = (path: string) => (path.startsWith("test/") ? 600 : 400);
    expect(code.filter((path) => textOf(path).split("\n").length > limit(path) + 1)).toEqual([]);
  });

  test("has no function of more than 70 lines", () => {
    const found = code.flatMap((path) =>
      longFunctions(textOf(path), 70).map((line) => `${path}:${line}`),
    );
    expect(found).toEqual([]);
  });

  test("exports only names that another file uses, or a type for its own exports", () => {
    const wordsIn = (path: string): readonly string[] => textOf(path).match(/\w+/g) ?? [];
    const numFiles = new Map<string, number>();
    for (const word of code.flatMap((path) => [...new Set(wordsIn(path))])) {
      numFiles.set(word, (numFiles.get(word) ?? 0) + 1);
    }
    const declared = /^export (?:async )?(function\*?|class|const|interface|type) (\w+)/gm;
    const unused = sources.flatMap((path) => {
      const own = wordsIn(path);
      return [...textOf(path).matchAll(declared)]
        .filter(([, kind = "", name = ""]) => {
          const isType = kind === "interface" || kind === "type";
          const isOwn = isType && own.indexOf(name) !== own.lastIndexOf(name);
          return !isOwn && numFiles.get(name) === 1;
        })
        .map(([, , name]) => `${path}: ${name}`);
    });
    expect(unused).toEqual([]);
  });

  test("explains each fixed wait in a test with a comment", () => {
    const waits = /\b(Bun\.sleep(Sync)?|setTimeout)\(/;
    const polls = /\b(for|while) \(/;
    const silent = code
      .filter((path) => path.startsWith("test/") && path !== "test/tidy.test.ts")
      .flatMap((path) => {
        const lines = textOf(path).split("\n");
        return lines.flatMap((line, i) => {
          const near = lines.slice(Math.max(0, i - 3), i + 1);
          const isExplained = near.some((one) => /\/\/|\*\//.test(one));
          return waits.test(line) && !polls.test(line) && !isExplained ? [`${path}:${i + 1}`] : [];
        });
      });
    expect(silent).toEqual([]);
  });

  test("has no loose types, no leftover markers, and no vague names", () => {
    const marks = /\b(TODO|FIXME|XXX|HACK)\b/;
    expect(linesWith(except(code, "test/tidy.test.ts"), marks)).toEqual([]);
    const loose = /^\s*(?!\/\/)\S.*(: any\b|as any\b)|@ts-(ignore|expect|nocheck)/;
    expect(linesWith(except(code, "test/tidy.test.ts"), loose)).toEqual([]);
    expect(linesWith(sources, /[\w)\]]!(\.|\[|;|,|\))/)).toEqual([]);
    expect(code.filter((path) => /(utils?|helpers?|common|misc)\.(ts|h|cpp)$/.test(path))).toEqual(
      [],
    );
  });

  test("contains no package registry and no absolute path", () => {
    const readable = tracked.filter((path) => path !== "test/tidy.test.ts");
    const hosts = /\b(npmjs|pypi|pythonhosted|yarnpkg|crates|golang|maven|debian)\.(org|com|io)\b/i;
    expect(linesWith(readable, hosts)).toEqual([]);
    expect(linesWith(readable, /\/(work|root|home\/\w+)\//)).toEqual([]);
  });
});

describe("the function length limit", () => {
  const body = (column: number, numLines: number) =>
    Array.from({ length: numLines }, () => `${" ".repeat(column)}  step();\n\n`.trimEnd()).join(
      "\n",
    );
  const lengths: readonly (readonly [string, (lines: string) => string, column: number])[] = [
    ["a function", (lines) => `export function f(a: number): void {\n${lines}\n}`, 0],
    [
      "a signature with several lines",
      (lines) => `async function f(\n  a: number,\n): void {\n${lines}\n}`,
      0,
    ],
    ["an arrow function", (lines) => `const f = async (\n  a: A,\n) => {\n${lines}\n};`, 0],
    ["a method", (lines) => `class A {\n  async #f<T>(a: T) {\n${lines}\n  }\n}`, 2],
    ["a C++ function", (lines) => `static void f(int a,\n    int b) {\n${lines}\n}`, 0],
    ["a constructor", (lines) => `A::A(int a)\n    : a(a) {\n#if X\n${lines}\n#endif\n}`, 0],
    ["a C++ method", (lines) => `struct A {\n  void f() const {\n${lines}\n  }\n};`, 2],
  ];

  test.each(lengths)(
    "counts the lines of %s from the signature to the closing brace",
    (_, text, column) => {
      const least = text("x").split("\n").length;
      const start = column === 0 ? 1 : 2;
      const around = column === 0 ? 0 : 2;
      const numLines = (inner: string) => text(inner).split("\n").length - around;
      const fits = body(column, 70 - least + around + 1);
      expect(numLines(fits)).toBe(70);
      expect(longFunctions(text(fits), 70)).toEqual([]);
      expect(longFunctions(text(`${fits}\n${body(column, 1)}`), 70)).toEqual([start]);
    },
  );

  test("excludes classes, namespaces, and test suites", () => {
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
