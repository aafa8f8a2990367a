// Checks out llama.cpp at its pin from the package, no matter what state the folder is in.

import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fillSubmodule, submodulePath } from "../../scripts/llama-cpp.ts";
import { fetchPackage, integrityOf } from "../../scripts/npm-package.ts";
import {
  git,
  packSource,
  removeTempFolders,
  serveRegistry,
  tempCheckout,
  tempFolder,
  writeFiles,
} from "../support/temp-checkout.ts";

const packed = packSource({ "include/llama.h": "// one\n", "src/llama.cpp": "// two\n" });
const { pin, tarball } = packed;
const { PATH } = process.env;

afterEach(() => {
  process.env["PATH"] = PATH;
  delete process.env["NPM_CONFIG_REGISTRY"];
});
afterAll(removeTempFolders);

/** A clone with a complete download, so no registry is needed. */
function checkoutWithPackage(from = tarball) {
  const checkout = tempCheckout();
  mkdirSync(checkout.path("build", "download"), { recursive: true });
  copyFileSync(from, checkout.path("build", "download", "llama-source.tgz"));
  return checkout;
}

describe("fillSubmodule", () => {
  test("checks out the pinned commit, and later leaves it unchanged", async () => {
    const checkout = checkoutWithPackage();
    await fillSubmodule(checkout, pin);
    const folder = submodulePath(checkout);
    expect(git(folder, "rev-parse", "HEAD")).toBe(pin.commit);
    expect(readFileSync(join(folder, "include", "llama.h"), "utf8")).toBe("// one\n");
    expect(git(folder, "status", "--porcelain")).toBe("");
    writeFiles(folder, { "include/llama.h": "// changed\n" });
    await fillSubmodule(checkout, pin);
    expect(readFileSync(join(folder, "include", "llama.h"), "utf8")).toBe("// changed\n");
  });

  test("starts over if an earlier checkout was interrupted", async () => {
    const checkout = checkoutWithPackage();
    const folder = submodulePath(checkout);
    git(folder, "init", "-q");
    writeFiles(folder, { ".git/index.lock": "", "include/llama.h": "half" });
    await fillSubmodule(checkout, pin);
    expect(git(folder, "status", "--porcelain")).toBe("");
  });

  test("follows a changed pin", async () => {
    const checkout = checkoutWithPackage();
    await fillSubmodule(checkout, pin);
    const next = packSource({ "include/llama.h": "// three\n" });
    copyFileSync(next.tarball, checkout.path("build", "download", "llama-source.tgz"));
    await fillSubmodule(checkout, next.pin);
    const folder = submodulePath(checkout);
    expect(git(folder, "rev-parse", "HEAD")).toBe(next.pin.commit);
    expect(existsSync(join(folder, "src", "llama.cpp"))).toBe(false);
  });

  test("never deletes files that it did not create", async () => {
    const checkout = checkoutWithPackage();
    writeFiles(submodulePath(checkout), { "mine.txt": "mine" });
    await expect(fillSubmodule(checkout, pin)).rejects.toThrow(
      "has files but is not a git repository",
    );
    expect(existsSync(join(submodulePath(checkout), "mine.txt"))).toBe(true);
  });
});

describe("fetchPackage", () => {
  const wanted = { spec: pin.package, integrity: pin.integrity };

  test("downloads the tarball with npm from the user's registry", async () => {
    process.env["NPM_CONFIG_REGISTRY"] = serveRegistry(packed);
    const target = join(tempFolder(), "source.tgz");
    await fetchPackage(wanted, target);
    expect(integrityOf(target)).toBe(`${pin.integrity}`);
    expect(existsSync(`${target}.part`)).toBe(false);
  });

  test("downloads the tarball with Bun if npm is missing", async () => {
    process.env["NPM_CONFIG_REGISTRY"] = serveRegistry(packed);
    process.env["PATH"] = emptyPath();
    const target = join(tempFolder(), "source.tgz");
    await fetchPackage(wanted, target);
    expect(integrityOf(target)).toBe(`${pin.integrity}`);
  });

  test("rejects different content, and leaves no files behind", async () => {
    process.env["NPM_CONFIG_REGISTRY"] = serveRegistry(packed);
    process.env["PATH"] = emptyPath();
    const target = join(tempFolder(), "source.tgz");
    const other = { spec: pin.package, integrity: "sha512-other" };
    await expect(fetchPackage(other, target)).rejects.toThrow(
      "tiny-source@1.0.0 has the wrong checksum",
    );
    expect([target, `${target}.part`].filter(existsSync)).toEqual([]);
  });

  test("reports an unreachable registry in one line", async () => {
    process.env["NPM_CONFIG_REGISTRY"] = "http://127.0.0.1:9/";
    process.env["PATH"] = emptyPath();
    const target = join(tempFolder(), "source.tgz");
    await expect(fetchPackage(wanted, target)).rejects.toThrow(
      /^cannot download tiny-source@1\.0\.0; check the network and the npm registry settings$/,
    );
  });
});

/** Returns a PATH with only git and tar. */
function emptyPath(): string {
  const folder = tempFolder();
  for (const tool of ["git", "tar"]) symlinkSync(Bun.which(tool) ?? "", join(folder, tool));
  return folder;
}
