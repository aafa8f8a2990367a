// Platform of an addon, derived from its contents.

import { afterAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import {
  checkAddon,
  checkPortable,
  glibcOf,
  type Platform,
  platformOf,
} from "../../scripts/addon-platform.ts";
import { removeTempFolders, tempCheckout, writeFiles } from "../support/temp-checkout.ts";

afterAll(removeTempFolders);

/** A header with these bytes at these offsets. */
function header(...values: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const bytes = new Uint8Array(256);
  for (const [offset, value] of values) bytes.set(value, offset);
  return bytes;
}

const ELF = [0, [0x7f, 0x45, 0x4c, 0x46]] as const;
const MACH_O = [0, [0xcf, 0xfa, 0xed, 0xfe]] as const;
const PE = [0, [0x4d, 0x5a]] as const;

describe("platformOf", () => {
  test.each<readonly [Platform | null, Uint8Array]>([
    ["linux-x64", header(ELF, [18, [62, 0]])],
    ["linux-x64-musl", header(ELF, [18, [62, 0]], [99, [...Buffer.from("libc.musl-x86_64.so.1")]])],
    ["linux-arm64", header(ELF, [18, [183, 0]])],
    ["darwin-x64", header(MACH_O, [4, [7, 0, 0, 1]])],
    ["darwin-arm64", header(MACH_O, [4, [12, 0, 0, 1]])],
    ["win32-x64", header(PE, [60, [128, 0, 0, 0]], [132, [0x64, 0x86]])],
    [null, header(ELF, [18, [8, 0]])],
    [null, header(PE, [60, [255, 255, 0, 0]])],
    [null, header()],
    [null, new Uint8Array(3)],
  ])("%s", (platform, file) => {
    expect(platformOf(file)).toBe(platform);
  });
});

test("glibcOf() returns the newest version that any symbol requires", () => {
  const file = new TextEncoder().encode("GLIBC_2.9\0GLIBC_2.36\0GLIBC_2.17\0GLIBC_PRIVATE\0");
  expect(glibcOf(file)).toBe("2.36");
  expect(glibcOf(header())).toBeNull();
});

describe("an addon for distribution", () => {
  test("must exist and be built for the platform", () => {
    const checkout = tempCheckout();
    const path = checkout.path("pagoda.node");
    expect(() => checkAddon(path, "linux-x64")).toThrow("run `bun run setup`");
    writeFiles(checkout.root, { "pagoda.node": "not an addon" });
    expect(() => checkAddon(path, "linux-x64")).toThrow("an addon for an unknown platform");
  });

  test("must contain the grammar engine", () => {
    const checkout = tempCheckout();
    const path = checkout.path("pagoda.node");
    const elf = Buffer.from(header(ELF, [18, [62, 0]])).toString("latin1");
    writeFileSync(path, `${elf}/llguidance-1.9.1/src`, "latin1");
    checkAddon(path, "linux-x64");
    writeFileSync(path, elf, "latin1");
    expect(() => checkAddon(path, "linux-x64")).toThrow("has no grammar engine");
  });

  test("must not be tuned for a specific CPU", () => {
    const checkout = tempCheckout();
    checkPortable(checkout);
    writeFiles(checkout.root, {
      "build/native/CMakeCache.txt": "A:BOOL=ON\nGGML_NATIVE:BOOL=ON\n",
    });
    const check = () => checkPortable(checkout);
    if (process.arch === "x64") expect(check).toThrow("tuned for this machine's CPU");
    else check();
  });
});
