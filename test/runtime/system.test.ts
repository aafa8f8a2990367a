// Memory, process statistics, and files.

import { describe, expect, test } from "bun:test";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  availableMemory,
  checkWritable,
  isPlainFile,
  processStats,
  readText,
  readYaml,
} from "../../src/runtime/system.ts";

/** Available memory on a machine with only these files. */
function memoryOf(files: Readonly<Record<string, string>>): number | null {
  return availableMemory((path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no such file ${path}`);
    return text;
  });
}

const MEMINFO = "MemTotal:  2000 kB\nMemFree:  100 kB\nMemAvailable:  1000 kB\n";

describe("availableMemory", () => {
  test("is the system's available memory", () => {
    expect(memoryOf({ "/proc/meminfo": MEMINFO })).toBe(1_024_000);
  });

  test("is the unused part of a container's limit, if that is less", () => {
    const used = { "/proc/meminfo": MEMINFO, "/sys/fs/cgroup/memory.current": "3000\n" };
    expect(memoryOf({ ...used, "/sys/fs/cgroup/memory.max": "5000\n" })).toBe(2000);
    expect(memoryOf({ ...used, "/sys/fs/cgroup/memory.max": "2000\n" })).toBe(0);
    expect(memoryOf({ ...used, "/sys/fs/cgroup/memory.max": "max\n" })).toBe(1_024_000);
    expect(memoryOf({ ...used, "/sys/fs/cgroup/memory.max": "9000000000\n" })).toBe(1_024_000);
  });

  test("is the unused part of the process's own limit, if that is less", () => {
    const limited = (bytes: string) =>
      memoryOf({
        "/proc/meminfo": MEMINFO,
        "/proc/self/limits": `Limit  Soft Limit\nMax address space         ${bytes}  unlimited bytes\n`,
        "/proc/self/status": "VmPeak:  90 kB\nVmSize:  50 kB\n",
      });
    expect(limited("61200")).toBe(10_000);
    expect(limited("1000")).toBe(0);
    expect(limited("unlimited")).toBe(1_024_000);
  });

  test("includes the container's file cache", () => {
    const files = {
      "/proc/meminfo": MEMINFO,
      "/sys/fs/cgroup/memory.max": "5000",
      "/sys/fs/cgroup/memory.current": "4000",
      "/sys/fs/cgroup/memory.stat": "anon 3500\nfile 500\ninactive_file 500\n",
    };
    expect(memoryOf(files)).toBe(1500);
  });

  test("is null on systems that do not report it", () => {
    expect(memoryOf({})).toBeNull();
  });
});

test.if(process.platform === "linux")("process statistics match the runtime's", () => {
  const stats = processStats();
  const rss = process.memoryUsage.rss();
  expect(Math.abs((stats?.residentMemoryBytes ?? 0) - rss) / rss).toBeLessThan(0.2);
  expect(stats?.virtualMemoryBytes).toBeGreaterThan(rss);
  const startedS = Date.now() / 1000 - process.uptime();
  expect(Math.abs((stats?.startTimeS ?? 0) - startedS)).toBeLessThan(5);
  expect(stats?.openFds).toBeGreaterThan(2);
  expect(stats?.maxFds).toBeGreaterThanOrEqual(stats?.openFds ?? 0);
});

describe("a file that cannot be used", () => {
  test.each([
    ["/nonexistent/x", "no such file or directory"],
    ["/", "it is a folder"],
  ])("%p causes an error with the reason", (path, fault) => {
    expect(() => readYaml(path)).toThrow(`cannot read ${path}: ${fault}`);
    expect(() => checkWritable(path)).toThrow(`cannot write ${path}: ${fault}`);
  });
});

test("a pipe, whose text arrives only once, can be read again", () => {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-pipe-"));
  const pipe = join(folder, "pipe");
  Bun.spawnSync(["mkfifo", pipe]);
  const writer = Bun.spawn(["sh", "-c", `echo 'api-key: secret' > ${pipe}; : > ${pipe}`]);
  try {
    expect(readYaml(pipe)).toEqual({ "api-key": "secret" });
    expect(readYaml(pipe)).toEqual({ "api-key": "secret" });
    expect(readText(pipe)).toBe("api-key: secret\n");
  } finally {
    writer.kill();
    rmSync(folder, { recursive: true });
  }
});

test("a file is read again each time", () => {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-file-"));
  const file = join(folder, "file");
  try {
    for (const text of ["one", "two"]) {
      writeFileSync(file, text);
      expect(readText(file)).toBe(text);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("checking whether a file is writable changes no file and leaves none behind", () => {
  const folder = mkdtempSync(join(tmpdir(), "pagoda-writable-"));
  try {
    const [there, absent, link] = ["there", "absent", "link"].map((name) => join(folder, name));
    writeFileSync(there ?? "", "kept");
    symlinkSync(absent ?? "", link ?? "");
    for (const path of [there, absent, link]) checkWritable(path ?? "");
    expect(readdirSync(folder).sort()).toEqual(["link", "there"]);
    expect(readFileSync(there ?? "", "utf8")).toBe("kept");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a path whose name is too long for the file system counts as a missing file", () => {
  expect(isPlainFile("m".repeat(5000))).toBe(false);
  expect(isPlainFile(`/${"m".repeat(300)}`)).toBe(false);
});
