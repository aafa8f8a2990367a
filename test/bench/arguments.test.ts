// Arguments and options of the bench; invalid ones cause a one-line error and exit code 2.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { parseArguments } from "../../bench/arguments.ts";
import { workloadsOf } from "../../bench/workloads/catalogue.ts";

const MAIN = join(import.meta.dir, "../../bench/main.ts");
const idsOf = (words: readonly string[]) =>
  workloadsOf(words, parseArguments([])).map(({ id }) => id);

describe("parseArguments", () => {
  test("accepts arguments and options in any order, with a space or an equals sign", () => {
    const parsed = parseArguments([
      "W1",
      "--url=http://localhost:1",
      "W2",
      "--pairs",
      "5",
      "--quick",
    ]);
    expect(parsed.words).toEqual(["W1", "W2"]);
    expect([parsed.url, parsed.pairs, parsed.quick]).toEqual(["http://localhost:1", 5, true]);
  });

  test("splits the options for the started server at spaces", () => {
    const parsed = parseArguments(["--serve-flags", "--threads 1  --max-num-seqs 4"]);
    expect(parsed.serveFlags).toEqual(["--threads", "1", "--max-num-seqs", "4"]);
  });

  test("reads the instruction set for both servers, which has no default", () => {
    expect(parseArguments(["--cpu", "avx2"]).cpu).toBe("avx2");
    expect(parseArguments([]).cpu).toBeNull();
  });

  test("reads goodput limits like vLLM", () => {
    expect(parseArguments(["--goodput", "ttft:2000 tpot:100"]).goodput).toEqual({
      ttft: 2000,
      tpot: 100,
    });
    expect(() => parseArguments(["--goodput", "itl:3"])).toThrow("--goodput takes");
  });

  test.each([
    [["--url", "localhost"], "--url must be an address"],
    [["--against", "ftp://x"], "--against must be an address"],
    [["--url"], "--url needs a value"],
    [["--url", "--quick"], "--url needs a value"],
    [["--pairs", "-1"], "--pairs must be a whole number, got -1"],
    [["--request-rate", "0"], "--request-rate must be a positive number"],
    [["--cpu", "sse"], "--cpu must be avx2 or avxvnni, got sse"],
    [["--wrong"], "unknown option --wrong"],
  ])("%p: %s", (argv, message) => {
    expect(() => parseArguments(argv)).toThrow(message);
  });
});

describe("workloadsOf", () => {
  test("returns the workloads with gates if there are no arguments", () => {
    expect(idsOf([])).toEqual([
      "W1",
      "W2",
      "W3:512",
      "W3:2048",
      "W4",
      "W5",
      "W8",
      "W12",
      "W14",
      "W16",
    ]);
  });

  test("returns the default variants for a number, and only that variant for a variant", () => {
    expect(idsOf(["W3", "W2:8", "W1", "W1"])).toEqual(["W1", "W2:8", "W3:512", "W3:2048"]);
  });

  test("reports which workload cannot run, and why", () => {
    expect(() => idsOf(["W9"])).toThrow(
      "W9 compares Pagoda with itself: run the measurement speculation",
    );
    expect(() => idsOf(["W99"])).toThrow("unknown workload W99; known: W1, ");
  });
});

describe("bun run bench", () => {
  test.each([
    [["W99"], "error: unknown workload W99"],
    [["nonsense"], "error: unknown workload or measurement nonsense"],
    [["scaling", "S99"], "error: unknown scaling check S99"],
    [["W1", "--url", "nowhere"], "error: --url must be an address"],
    [
      ["W1", "--url", "http://127.0.0.1:9", "--against", "http://127.0.0.1:9"],
      "error: no server responds at http://127.0.0.1:9",
    ],
  ])("%p prints a one-line error and exits with 2", (words, message) => {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, MAIN, ...words]);
    expect(stderr.toString()).toStartWith(message);
    expect(stderr.toString().trim().split("\n")).toHaveLength(1);
    expect(exitCode).toBe(2);
  });
});
