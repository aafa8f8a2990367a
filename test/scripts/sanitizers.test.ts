// The sanitizer table must refer to existing tests and faults, because a renamed test or a missing fault
// would be skipped silently.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { Checkout } from "../../scripts/checkout.ts";
import { countReports } from "../../scripts/sanitizers/reports.ts";
import { LEFT_OUT, SANITIZERS } from "../../scripts/sanitizers/sanitizers.ts";

const checkout = new Checkout();

test("each excluded test exists", () => {
  const paths = Object.keys(LEFT_OUT).map((name) => checkout.path("test", `${name}.test.ts`));
  expect(paths.filter((path) => !existsSync(path))).toEqual([]);
});

test("each sanitizer is tested with existing faults", () => {
  const source = checkout.path("scripts", "sanitizers", "planted-faults.cpp");
  const text = readFileSync(source, "utf8");
  const planted = [...text.matchAll(/^PAGODA_FAULT (\w+)\(/gm)].map(([, name]) => name);
  const tried = Object.values(SANITIZERS).flatMap(({ faults }) => faults);
  expect([...tried].sort()).toEqual(planted.map(String).sort());
  expect(Object.values(SANITIZERS).filter(({ faults }) => faults.length === 0)).toEqual([]);
});

describe("countReports", () => {
  test("counts each sanitizer's reports", () => {
    const text = [
      "==1==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x60",
      "SUMMARY: AddressSanitizer: heap-buffer-overflow a.cpp:1 in f",
      "a.cpp:31:22: runtime error: signed integer overflow: 8 + 2147483647",
      "WARNING: ThreadSanitizer: data race (pid=2)",
    ];
    expect(countReports(text.join("\n"))).toBe(3);
  });

  test("counts a sanitizer that gives up", () => {
    expect(countReports("AddressSanitizer: CHECK failed: asan_poisoning.cpp:35")).toBe(1);
  });

  test("counts no reports if the output has none", () => {
    expect(countReports("")).toBe(0);
    expect(countReports("ThreadSanitizer: Matched 1 suppressions (pid=3):")).toBe(0);
    const memory = "==7==WARNING: AddressSanitizer failed to allocate 0x8000003f000 bytes";
    expect(countReports(memory)).toBe(0);
  });
});
