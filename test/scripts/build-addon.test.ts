// When the addon is rebuilt, and the report on a failed build. A fake cmake-js prints the output of a
// real build.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { addonPath, buildAddon, buildOptions, checkFolder } from "../../scripts/build-addon.ts";
import { BuildProgress } from "../../scripts/build-progress.ts";
import { Checkout } from "../../scripts/checkout.ts";
import {
  removeTempFolders,
  tempCheckout,
  tempFolder,
  writeFiles,
} from "../support/temp-checkout.ts";

const PIN = { commit: "0".repeat(40), package: "tiny-source@1.0.0", integrity: null };

/** Appends its arguments to build/runs, and creates an addon and CMake's files. */
const WORKING_TOOL = `
const { appendFileSync, mkdirSync, writeFileSync } = require("node:fs");
mkdirSync("build/native/Release", { recursive: true });
appendFileSync("build/runs", process.argv.slice(2).join(" ") + "\\n");
console.log("[1/2] Building CXX object a.cpp.o");
writeFileSync("build/native/CMakeCache.txt", "CMAKE_HOME_DIRECTORY:INTERNAL=" + process.cwd() + "\\n");
writeFileSync("build/native/build.ninja", "");
writeFileSync("build/native/Release/pagoda.node", "addon");
`;

const FAILING_TOOL = `
console.log("[1/2] Building CXX object a.cpp.o");
console.error("native/a.cpp:3:1: error: 'x' was not declared in this scope");
console.error("ninja: build stopped: subcommand failed.");
process.exit(1);
`;

afterEach(() => {
  delete process.env["PAGODA_CUDA"];
});
afterAll(removeTempFolders);

function checkoutWith(tool: string): Checkout {
  const checkout = tempCheckout();
  writeFiles(checkout.root, {
    "native/simd/a.cpp": "int a;\n",
    "CMakeLists.txt": "",
    "bun.lock": "",
    "node_modules/cmake-js/bin/cmake-js": tool,
  });
  return checkout;
}

/** Arguments of each run so far. */
function runsOf(checkout: Checkout): string[] {
  return readFileSync(checkout.path("build", "runs"), "utf8").trim().split("\n");
}

describe("buildAddon", () => {
  test("builds once, and then only if a source changes", async () => {
    const checkout = checkoutWith(WORKING_TOOL);
    await buildAddon(checkout, PIN);
    await buildAddon(checkout, PIN);
    expect(runsOf(checkout)).toEqual(["build -O build/native"]);
    writeFiles(checkout.root, { "native/simd/a.cpp": "int b;\n" });
    await buildAddon(checkout, PIN);
    expect(runsOf(checkout)).toHaveLength(2);
    expect(readFileSync(checkout.path("build", "native.log"), "utf8")).toBe(
      "[1/2] Building CXX object a.cpp.o\n",
    );
  });

  test("keeps the build folder if a source changes, and starts a new one if an option changes", async () => {
    const checkout = checkoutWith(WORKING_TOOL);
    await buildAddon(checkout, PIN);
    writeFiles(checkout.root, { "build/native/object.o": "", "native/simd/a.cpp": "int b;\n" });
    await buildAddon(checkout, PIN);
    expect(existsSync(checkout.path("build", "native", "object.o"))).toBe(true);
    process.env["PAGODA_CUDA"] = "OFF";
    await buildAddon(checkout, PIN);
    expect(existsSync(checkout.path("build", "native", "object.o"))).toBe(false);
    expect(runsOf(checkout).at(-1)).toBe("build -O build/native --CDPAGODA_CUDA=OFF");
  });

  test.each([
    ["moved", renameSync],
    ["copied", (from: string, to: string) => cpSync(from, to, { recursive: true })],
  ])(
    "keeps the addon of a clone that was %s; the next change starts a new build folder",
    async (_, put) => {
      const first = checkoutWith(WORKING_TOOL);
      await buildAddon(first, PIN);
      writeFiles(first.root, { "build/native/object.o": "" });
      const other = new Checkout(join(tempFolder(), "clone"));
      put(first.root, other.root);
      await buildAddon(other, PIN);
      expect(runsOf(other)).toHaveLength(1);
      expect(existsSync(other.path("build", "native", "object.o"))).toBe(true);
      writeFiles(other.root, { "native/a.cpp": "int b;\n" });
      await buildAddon(other, PIN);
      expect(runsOf(other)).toHaveLength(2);
      expect(existsSync(other.path("build", "native", "object.o"))).toBe(false);
      writeFiles(other.root, { "build/native/object.o": "", "native/a.cpp": "int c;\n" });
      await buildAddon(other, PIN);
      expect(runsOf(other)).toHaveLength(3);
      expect(existsSync(other.path("build", "native", "object.o"))).toBe(true);
    },
  );

  test("recognizes another path to the same folder", async () => {
    const first = checkoutWith(WORKING_TOOL);
    await buildAddon(first, PIN);
    writeFiles(first.root, { "build/native/object.o": "", "native/a.cpp": "int b;\n" });
    const link = join(tempFolder(), "link");
    symlinkSync(first.root, link);
    await buildAddon(new Checkout(link), PIN);
    expect(runsOf(first)).toHaveLength(2);
    expect(existsSync(first.path("build", "native", "object.o"))).toBe(true);
  });

  test.each(["build.ninja", "Makefile"])(
    "starts over after a configuration that failed before it wrote %s",
    async (buildFile) => {
      const checkout = checkoutWith(WORKING_TOOL);
      const cache = `CMAKE_HOME_DIRECTORY:INTERNAL=${checkout.root}\n`;
      const files = { "build/native/CMakeCache.txt": cache, "build/native/object.o": "" };
      writeFiles(checkout.root, { ...files, [`build/native/${buildFile}`]: "" });
      await buildAddon(checkout, PIN);
      expect(existsSync(checkout.path("build", "native", "object.o"))).toBe(true);
      rmSync(checkout.path("build"), { recursive: true });
      writeFiles(checkout.root, files);
      await buildAddon(checkout, PIN);
      expect(existsSync(checkout.path("build", "native", "object.o"))).toBe(false);
    },
  );

  test("reports a failed build in one line with the compiler's message, and retries the next time", async () => {
    const checkout = checkoutWith(FAILING_TOOL);
    const message =
      "the native build failed: native/a.cpp:3:1: error: 'x' was not declared in this scope" +
      " (whole log: build/native.log)";
    await expect(buildAddon(checkout, PIN)).rejects.toThrow(message);
    expect(existsSync(addonPath(checkout))).toBe(false);
    await expect(buildAddon(checkout, PIN)).rejects.toThrow(message);
  });
});

test("a path that CMake cannot handle is reported before the first build", () => {
  const folder = join(tempFolder(), "a;b");
  renameSync(checkoutWith(WORKING_TOOL).root, folder);
  const checkout = new Checkout(folder);
  const message = `CMake cannot build in ${folder}, whose path contains a semicolon; move the clone`;
  expect(() => checkFolder(checkout)).toThrow(message);
  writeFiles(folder, { "build/native/Release/pagoda.node": "addon" });
  expect(() => checkFolder(checkout)).not.toThrow();
  expect(() => checkFolder(checkoutWith(WORKING_TOOL))).not.toThrow();
});

describe("BuildProgress", () => {
  function progress(isTerminal: boolean) {
    const shown: string[] = [];
    const clock = { ms: 0 };
    const options = { nowMs: () => clock.ms, isTerminal };
    return { shown, clock, build: new BuildProgress((line) => shown.push(line), options) };
  }

  test("shows a line every 10 s, no matter how the output is split", () => {
    const { shown, clock, build } = progress(false);
    build.read("-- Configuring\n[1/2");
    build.read("13] Building a\n[2/213] Building b\n");
    clock.ms = 9_999;
    build.read("[3/213] Building c\n");
    clock.ms = 10_000;
    build.read("[41/213] Building d\n");
    expect(shown).toEqual(["[  1/213] building 0%", "[ 41/213] building 19%"]);
  });

  test("shows a line every second on a terminal, and also parses make's output", () => {
    const { shown, clock, build } = progress(true);
    build.read("[  7%] Building a\n");
    clock.ms = 1_000;
    build.read("[ 19%] Building b\n");
    expect(shown).toEqual(["building 7%", "building 19%"]);
  });

  test("reports the last three lines if no line contains an error", () => {
    const { build } = progress(false);
    build.read("one\ntwo\nthree\nKilled");
    expect(build.fault()).toBe("two | three | Killed");
  });
});

describe("build options", () => {
  const OLD = "flags : fpu sse4_2 avx";

  test("build for the native CPU if an x86-64 CPU lacks AVX2", () => {
    expect(buildOptions({}, OLD, "x64")).toEqual(["--CDPAGODA_NATIVE=ON"]);
    expect(buildOptions({ PAGODA_NATIVE: "OFF" }, OLD, "x64")).toEqual(["--CDPAGODA_NATIVE=OFF"]);
  });

  test("must be ON or OFF", () => {
    expect(() => buildOptions({ PAGODA_CUDA: "foo" }, "", "x64")).toThrow(
      "PAGODA_CUDA: expected ON or OFF, got foo",
    );
    expect(buildOptions({ PAGODA_CUDA: "off", PAGODA_METAL: "" }, "", "x64")).toEqual([
      "--CDPAGODA_CUDA=off",
    ]);
  });

  test("come from the environment in all other cases", () => {
    expect(buildOptions({}, `${OLD} avx2 avx512f`, "x64")).toEqual([]);
    expect(buildOptions({}, "", "x64")).toEqual([]);
    expect(buildOptions({ PAGODA_CUDA: "OFF" }, "Features : asimd", "arm64")).toEqual([
      "--CDPAGODA_CUDA=OFF",
    ]);
  });
});
