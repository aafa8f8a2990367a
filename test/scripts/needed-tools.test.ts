// Missing tools in a bare clone: all are listed at startup, with the system's install command.

import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BUILD_TOOLS, missingText, PYTHON_WITH_PIP } from "../../scripts/needed-tools.ts";
import { bareClone, removeTempFolders } from "../support/temp-checkout.ts";

afterAll(removeTempFolders);

/** A system with only these programs. */
function system(programs: string, { isMac = false, isRoot = true } = {}) {
  const names = programs.split(" ");
  return { has: (name: string) => names.includes(name), isMac, isRoot };
}

describe("missingText", () => {
  test("is null if all tools are installed under any of their names", () => {
    expect(missingText(BUILD_TOOLS, system("git tar c++ cmake ninja"))).toBeNull();
    expect(missingText(BUILD_TOOLS, system("git tar clang++ cmake make"))).toBeNull();
    expect(missingText([], system(""))).toBeNull();
  });

  test.each([
    ["apt-get", "apt-get install git tar g++ cmake ninja-build"],
    ["dnf", "dnf install git tar gcc-c++ cmake ninja-build"],
    ["apk", "apk add git tar g++ cmake ninja"],
    ["pacman", "pacman -S git tar gcc cmake ninja"],
    ["zypper", "zypper install git tar gcc-c++ cmake ninja"],
    ["brew", "brew install git gnu-tar gcc cmake ninja"],
    ["nix-shell", "nix-shell -p git gnutar gcc cmake ninja"],
  ])("lists all tools, with the install command for %s", (manager, command) => {
    expect(missingText(BUILD_TOOLS, system(manager))).toBe(
      `git, tar, c++, cmake and ninja are missing; install them with \`${command}\``,
    );
  });

  test("lists only missing tools", () => {
    expect(missingText(BUILD_TOOLS, system("apt-get git tar make"))).toBe(
      "c++ and cmake are missing; install them with `apt-get install g++ cmake`",
    );
    expect(missingText([PYTHON_WITH_PIP], system("apk"))).toBe(
      "python3 is missing; install it with `apk add py3-pip`",
    );
  });

  test("uses sudo for a user who is not root, if sudo exists and the package manager needs root", () => {
    const user = { isRoot: false };
    const rest = "git tar c++ make";
    const command = (programs: string) =>
      /`(.*)`/.exec(missingText(BUILD_TOOLS, system(`${rest} ${programs}`, user)) ?? "")?.[1];
    expect(command("apt-get sudo")).toBe("sudo apt-get install cmake");
    expect(command("apt-get")).toBe("apt-get install cmake");
    expect(command("brew sudo")).toBe("brew install cmake");
    expect(command("nix-shell sudo")).toBe("nix-shell -p cmake");
  });

  test("prefers the system's own package manager over one that was added", () => {
    expect(missingText(BUILD_TOOLS, system("brew dnf git tar c++ make"))).toContain(
      "`dnf install cmake`",
    );
  });

  test("accepts Xcode's tools on a Mac", () => {
    const mac = { isMac: true, isRoot: false };
    expect(missingText(BUILD_TOOLS, system("brew tar", mac))).toBe(
      "git, c++, cmake and ninja are missing; install them with " +
        "`xcode-select --install` and `brew install cmake ninja`",
    );
    expect(missingText(BUILD_TOOLS, system("git tar c++ make", mac))).toBe(
      "cmake is missing; install it with Homebrew (https://brew.sh)",
    );
  });

  test("refers to the system's package manager if none is recognized", () => {
    expect(missingText(BUILD_TOOLS, system("git tar c++ make"))).toBe(
      "cmake is missing; install it with this system's package manager",
    );
  });
});

describe("a bare clone without a compiler or cmake", () => {
  /** Runs the program with only git, tar, make, and apt-get on the PATH. */
  async function run(...words: readonly string[]) {
    const clone = bareClone();
    const bin = join(clone, "bin");
    mkdirSync(bin);
    for (const name of ["git", "tar", "make"]) symlinkSync(Bun.which(name) ?? "", join(bin, name));
    writeFileSync(join(bin, "apt-get"), "", { mode: 0o755 });
    const child = Bun.spawn([process.execPath, "scripts/pagoda.ts", ...words], {
      cwd: clone,
      env: { PATH: bin, HOME: clone },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const isUntouched =
      !existsSync(join(clone, "node_modules")) && !existsSync(join(clone, "build"));
    return { stdout, stderr, exitCode: await child.exited, isUntouched };
  }

  const TEXT = "c++ and cmake are missing; install them with `apt-get install g++ cmake`";

  test("doctor lists the missing tools, and downloads nothing", async () => {
    const { stdout, ...ran } = await run("doctor", "--port", "0");
    expect(ran).toEqual({ stderr: "", exitCode: 1, isUntouched: true });
    const lines = stdout.trim().split("\n");
    expect(lines.map((line) => line.split(/\s+/)[1])).toEqual([
      ...["cpu", "threads", "files", "cache", "port", "tools"],
    ]);
    expect(lines.at(-1)).toBe(`fault    tools      ${TEXT}`);
  });

  test("doctor reports the same result as JSON", async () => {
    const { stdout, exitCode } = await run("doctor", "--json", "--port", "0");
    expect(exitCode).toBe(1);
    const findings: unknown[] = JSON.parse(stdout);
    expect(findings.at(-1)).toEqual({ level: "fault", what: "tools", text: TEXT });
  });

  test("serve lists the missing tools before it downloads anything", async () => {
    const { stdout, ...ran } = await run("serve");
    expect(stdout).toBe("");
    expect(ran).toEqual({ stderr: `setup: error: ${TEXT}\n`, exitCode: 1, isUntouched: true });
  });
});
