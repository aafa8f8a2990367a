// Folders for a compiled executable's addon, and how the file is written.

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addonFolders, loadEmbeddedAddon, placeFile } from "../../src/runtime/embedded-addon.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const BYTES = new TextEncoder().encode("an addon");

describe("addonFolders", () => {
  test("are the user's own folders first, then per-user folders in shared places", () => {
    const env = { XDG_CACHE_HOME: "/cache", HOME: "/homes/me", TMPDIR: "/scratch" };
    expect(addonFolders(env, 7)).toEqual([
      { path: "/cache/pagoda", root: "/" },
      { path: "/homes/me/.cache/pagoda", root: "/homes/me" },
      { path: "/scratch/pagoda-7", root: "/scratch" },
      { path: "/dev/shm/pagoda-7", root: "/dev/shm" },
    ]);
  });

  test("omit unset variables and relative paths", () => {
    const shared = [
      { path: "/tmp/pagoda-0", root: "/tmp" },
      { path: "/dev/shm/pagoda-0", root: "/dev/shm" },
    ];
    expect(addonFolders({}, 0)).toEqual(shared);
    expect(addonFolders({ XDG_CACHE_HOME: "cache", HOME: "", TMPDIR: "" }, 0)).toEqual(shared);
  });
});

describe("placeFile", () => {
  test("creates a folder that only this user can access, and writes the file atomically", () => {
    const own = join(folder, "a", "b");
    const path = placeFile(own, "pagoda-1.node", BYTES);
    expect(readFileSync(path)).toEqual(Buffer.from(BYTES));
    expect(statSync(own).mode & 0o777).toBe(0o700);
    expect(readdirSync(own)).toEqual(["pagoda-1.node"]);
  });

  test("keeps a correct file and replaces any other file", () => {
    const own = join(folder, "again");
    const path = placeFile(own, "pagoda-1.node", BYTES);
    const { ino } = statSync(path);
    placeFile(own, "pagoda-1.node", BYTES);
    expect(statSync(path).ino).toBe(ino);
    writeFileSync(path, "an add");
    placeFile(own, "pagoda-1.node", BYTES);
    expect(readFileSync(path)).toEqual(Buffer.from(BYTES));
    expect(readdirSync(own)).toEqual(["pagoda-1.node"]);
  });

  test("follows a link to a folder that only this user can access", () => {
    const own = join(folder, "own");
    mkdirSync(own, { mode: 0o700 });
    const link = join(folder, "own-link");
    symlinkSync(own, link);
    placeFile(link, "pagoda-1.node", BYTES);
    expect(readdirSync(own)).toEqual(["pagoda-1.node"]);
  });

  test("rejects a folder that others can write to", () => {
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(() => placeFile(open, "pagoda-1.node", BYTES)).toThrow("other users can write to it");
    const link = join(folder, "link");
    symlinkSync(open, link);
    expect(() => placeFile(link, "pagoda-1.node", BYTES)).toThrow("other users can write to it");
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(() => placeFile(file, "pagoda-1.node", BYTES)).toThrow();
  });
});

test("a program that is not compiled has no embedded addon", async () => {
  expect(await loadEmbeddedAddon({})).toBeNull();
});
