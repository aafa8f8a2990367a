// File names are relative to the user's current folder, no matter how the program is started.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { callersFolder } from "../../scripts/callers-folder.ts";
import { Checkout } from "../../scripts/checkout.ts";
import { removeTempFolders, tempFolder, writeFiles } from "../support/temp-checkout.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const root = new Checkout().root;
const below = join(root, "build", "callers-folder-test");
afterAll(() => {
  removeTempFolders();
  rmSync(below, { recursive: true });
});

describe("callersFolder", () => {
  const script = { npm_package_json: "/clone/package.json" };

  test.each([
    ["bun run in a subfolder", { npm_config_local_prefix: "/clone/docs" }, "/clone/docs"],
    [
      "npx bun run in a subfolder",
      { npm_config_local_prefix: "/clone/docs", INIT_CWD: "/clone/docs" },
      "/clone/docs",
    ],
    [
      "npm run in a subfolder",
      { npm_config_local_prefix: "/clone", INIT_CWD: "/clone/docs" },
      "/clone/docs",
    ],
    ["bun run in the root", { npm_config_local_prefix: "/clone" }, "/clone"],
    [
      "bun run in the root, in a script of another package",
      { npm_config_local_prefix: "/clone", INIT_CWD: "/other" },
      "/clone",
    ],
    ["a folder whose name begins with the root's name", { INIT_CWD: "/clone2" }, "/clone"],
    ["no variable", {}, "/clone"],
  ])("%s", (_, env, folder) => {
    expect(callersFolder({ ...script, ...env }, "/clone", "/clone")).toBe(folder);
  });

  test("is the current folder if no script of this package was started in the package's root", () => {
    const env = { npm_config_local_prefix: "/else", INIT_CWD: "/else" };
    expect(callersFolder(env, "/clone", "/clone")).toBe("/clone");
    const other = { ...env, npm_package_json: "/other/package.json" };
    expect(callersFolder(other, "/clone", "/clone")).toBe("/clone");
    expect(callersFolder({ ...script, ...env }, "/tmp", "/clone")).toBe("/tmp");
  });
});

describe("a relative path", () => {
  test("is resolved against the caller's folder by `bun run pagoda`", () => {
    mkdirSync(below, { recursive: true });
    writeTinyGguf(join(below, "tiny.gguf"));
    writeFiles(below, { "config.yaml": "port: 1\n" });
    const { PATH = "", HOME = "" } = process.env;
    const run = (...words: string[]) => {
      const command = [process.execPath, "run", "pagoda", ...words];
      const env = { PATH: `${dirname(process.execPath)}:${PATH}`, HOME };
      const { stdout, stderr } = Bun.spawnSync(command, { cwd: below, env });
      return stdout.toString() + stderr.toString();
    };
    expect(run("inspect", "tiny.gguf", "--json")).toContain('"architecture": "llama"');
    expect(run("inspect", "../callers-folder-test/tiny.gguf")).toContain("architecture   llama");
    expect(run("serve", "--config", "config.yaml", "--print-config")).toMatch(
      /^port: 1 +# config/m,
    );
  });

  test("is resolved against the current folder by the program itself", () => {
    const folder = realpathSync(tempFolder());
    writeTinyGguf(join(folder, "tiny.gguf"));
    const command = [process.execPath, join(root, "scripts/pagoda.ts"), "inspect", "tiny.gguf"];
    expect(Bun.spawnSync(command, { cwd: folder }).stdout.toString()).toContain("llama");
  });
});
