// Lists of request ids in log lines.

import { expect, test } from "bun:test";
import { listIds } from "../../src/protocol/listed-ids.ts";

test.each([
  [[], "none"],
  [["cmpl-a"], "cmpl-a"],
  [["cmpl-a", "cmpl-b", "cmpl-a"], "cmpl-a, cmpl-b"],
  [[..."abcdefgh"], "a, b, c, d, e, f, g, h"],
  [[..."abcdefghij"], "a, b, c, d, e, f, g, h and 2 more"],
])("%j is listed as %s", (ids, text) => {
  expect(listIds(ids)).toBe(text);
});
