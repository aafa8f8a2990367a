// The summary line for continuous integration.

import { describe, expect, test } from "bun:test";
import { addCounts, countsOf, summaryLine } from "../../scripts/test-counts.ts";

const OUTPUT = `
some.test.ts:
(pass) 3 pass
 3 pass
 12 pass
 1 skip
 2 todo
 4 fail
 30 expect() calls
Ran 19 tests across 2 files.
`;

describe("countsOf", () => {
  test("reads Bun's summary", () => {
    expect(countsOf(OUTPUT, 1)).toEqual({ passed: 12, failed: 4, skipped: 3 });
  });

  test("counts a run that failed without a failed test as one failure", () => {
    expect(countsOf("", 139)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countsOf(" 5 pass\n 0 fail\n", 1)).toEqual({ passed: 5, failed: 1, skipped: 0 });
  });

  test("counts zero for a run without tests", () => {
    expect(countsOf("", 0)).toEqual({ passed: 0, failed: 0, skipped: 0 });
  });
});

test("counts are added up", () => {
  const part = { passed: 1, failed: 2, skipped: 3 };
  expect(addCounts([part, part])).toEqual({ passed: 2, failed: 4, skipped: 6 });
  expect(addCounts([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
});

test("the summary mentions skipped tests only if there are any", () => {
  expect(summaryLine({ passed: 7, failed: 0, skipped: 0 })).toBe("7 passed, 0 failed");
  expect(summaryLine({ passed: 7, failed: 1, skipped: 2 })).toBe("7 passed, 1 failed, 2 skipped");
});
