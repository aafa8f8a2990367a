// Tries the patches on another commit.

import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync } from "node:fs";
import { fillSubmodule, submodulePath } from "../../scripts/llama-cpp.ts";
import { tryPatches } from "../../scripts/move-pin.ts";
import {
  linePatch,
  packSource,
  removeTempFolders,
  tempCheckout,
  writeFiles,
} from "../support/temp-checkout.ts";

afterAll(removeTempFolders);

test("reports each hunk that does not apply, and continues with the next patch", async () => {
  const { pin, tarball } = packSource({ "a.cpp": "one\n", "b.cpp": "two\n" });
  const checkout = tempCheckout();
  mkdirSync(checkout.path("build", "download"), { recursive: true });
  copyFileSync(tarball, checkout.path("build", "download", "llama-source.tgz"));
  await fillSubmodule(checkout, pin);
  writeFiles(checkout.path("third_party", "patches"), {
    "0001-stale.patch": linePatch("a.cpp", "zero", "0"),
    "0002-good.patch": linePatch("b.cpp", "two", "2"),
    "0003-gone.patch": linePatch("c.cpp", "three", "3"),
  });
  const faults = await tryPatches(checkout, submodulePath(checkout), pin.commit);
  expect([...faults]).toEqual([
    ["third_party/patches/0001-stale.patch", ["patch failed: a.cpp:1"]],
    ["third_party/patches/0002-good.patch", []],
    ["third_party/patches/0003-gone.patch", ["c.cpp: No such file or directory"]],
  ]);
});
