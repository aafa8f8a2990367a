// The build copy: pinned source plus patches, with modification times for incremental builds.

import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { fillSubmodule } from "../../scripts/llama-cpp.ts";
import { makePatchedCopy } from "../../scripts/patched-copy.ts";
import {
  linePatch,
  packSource,
  removeTempFolders,
  tempCheckout,
  writeFiles,
} from "../support/temp-checkout.ts";

const { pin, tarball } = packSource({ "src/a.cpp": "one\n", "src/b.cpp": "two\n" });

afterAll(removeTempFolders);

async function filledCheckout(patches: Readonly<Record<string, string>>) {
  const checkout = tempCheckout();
  mkdirSync(checkout.path("build", "download"), { recursive: true });
  copyFileSync(tarball, checkout.path("build", "download", "llama-source.tgz"));
  await fillSubmodule(checkout, pin);
  writeFiles(checkout.path("third_party", "patches"), patches);
  const copied = (file: string) => checkout.path("build", "llama.cpp", "src", file);
  return {
    checkout,
    textOf: (file: string) => readFileSync(copied(file), "utf8"),
    timeOf: (file: string) => statSync(copied(file)).mtimeMs,
    setTime: (file: string, time: number) => utimesSync(copied(file), time / 1000, time / 1000),
    patchPath: (name: string) => checkout.path("third_party", "patches", name),
  };
}

/** Time of a build, long before a test writes any file. */
const LAST_BUILD_MS = 1_600_000_000_000;

describe("makePatchedCopy", () => {
  test("applies the patches in name order, only to the copy", async () => {
    const { checkout, textOf } = await filledCheckout({
      "0002-second.patch": linePatch("src/a.cpp", "1", "I"),
      "0001-first.patch": linePatch("src/a.cpp", "one", "1"),
    });
    await makePatchedCopy(checkout, pin);
    expect([textOf("a.cpp"), textOf("b.cpp")]).toEqual(["I\n", "two\n"]);
    const source = checkout.path("third_party", "llama.cpp", "src", "a.cpp");
    expect(readFileSync(source, "utf8")).toBe("one\n");
  });

  test("does nothing if nothing has changed", async () => {
    const { checkout, textOf } = await filledCheckout({});
    await makePatchedCopy(checkout, pin);
    writeFiles(checkout.path("build", "llama.cpp", "src"), { "a.cpp": "by hand\n" });
    await makePatchedCopy(checkout, pin);
    expect(textOf("a.cpp")).toBe("by hand\n");
  });

  test("with a new patch, updates only the modification times of files that it changes", async () => {
    const { checkout, timeOf, setTime, patchPath } = await filledCheckout({});
    await makePatchedCopy(checkout, pin);
    for (const file of ["a.cpp", "b.cpp"]) setTime(file, LAST_BUILD_MS);
    await Bun.write(patchPath("0001-first.patch"), linePatch("src/a.cpp", "one", "1"));
    await makePatchedCopy(checkout, pin);
    expect(timeOf("a.cpp")).toBeGreaterThan(LAST_BUILD_MS);
    expect(timeOf("b.cpp")).toBe(LAST_BUILD_MS);
  });

  test("makes a file newer than the last build if its patch is removed", async () => {
    const patches = { "0001-first.patch": linePatch("src/a.cpp", "one", "1") };
    const { checkout, textOf, timeOf, patchPath } = await filledCheckout(patches);
    await makePatchedCopy(checkout, pin);
    const builtMs = Date.now();
    rmSync(patchPath("0001-first.patch"));
    await makePatchedCopy(checkout, pin);
    expect(textOf("a.cpp")).toBe("one\n");
    expect(timeOf("a.cpp")).toBeGreaterThanOrEqual(builtMs);
  });

  test("reports a patch that does not apply, and keeps the last copy", async () => {
    const { checkout, textOf, patchPath } = await filledCheckout({});
    await makePatchedCopy(checkout, pin);
    await Bun.write(patchPath("0001-stale.patch"), linePatch("src/a.cpp", "zero", "0"));
    await expect(makePatchedCopy(checkout, pin)).rejects.toThrow(
      "third_party/patches/0001-stale.patch does not apply: error: patch failed: src/a.cpp:1",
    );
    expect(textOf("a.cpp")).toBe("one\n");
  });
});
