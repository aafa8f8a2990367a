// Families deprecated in X.Y are hidden in X.Y+1 and removed in X.Y+2; the flag shows those still hidden.

import { describe, expect, test } from "bun:test";
import { CATALOG } from "../../src/metrics/catalog.ts";
import { checkVersion, visibility, visibleFamilies } from "../../src/metrics/version-gate.ts";

describe("visibility", () => {
  const deprecated = { in: "0.11", replacedBy: "vllm:other" };
  test.each([
    ["0.10.0", "shown", "shown"],
    ["0.11.0", "shown", "shown"],
    ["0.12.0", "hidden", "hidden"],
    ["0.13.0", "removed", "hidden"],
    ["0.14.2", "removed", "hidden"],
    ["0.15.0", "removed", "removed"],
  ] as const)(
    "in version %s, a family deprecated in 0.11 is %s, or %s if it is removed in 0.15",
    (version, policy, late) => {
      expect(visibility({ deprecated }, version)).toBe(policy);
      expect(visibility({ deprecated: { ...deprecated, removedIn: "0.15" } }, version)).toBe(late);
    },
  );

  test("always shows a family that is not deprecated", () => {
    expect(visibility({}, "0.99.0")).toBe("shown");
  });
});

describe("visibleFamilies", () => {
  const HIDDEN = "vllm:time_per_output_token_seconds";
  const names = (flag: string | null, version = "0.13.0") =>
    visibleFamilies(CATALOG, flag, version).map(({ name }) => name);

  test("shows hidden families only for the previous minor version", () => {
    expect(names("0.12")).toContain(HIDDEN);
    for (const flag of [null, "0.11", "0.12.0", "0.13", "0.27"]) {
      expect(names(flag)).not.toContain(HIDDEN);
    }
  });

  test("does not restore removed families, whatever the flag says", () => {
    expect(names("0.14", "0.15.0")).not.toContain(HIDDEN);
  });

  test("hides no other families", () => {
    expect(names("0.12").length).toBe(CATALOG.length);
    expect(names(null).length).toBe(CATALOG.length - 1);
  });
});

describe("checkVersion", () => {
  test.each(["0.12", "0.12.0", "v1.0", "1!2.0", "1.0a1", "1.0.alpha-2", "1.0rc1", "1.0-1"])(
    "accepts %s",
    (version) => {
      expect(checkVersion(version)).toBe(version);
    },
  );

  test.each(["1.0.post1.dev2", "1.0.dev", "1.0+local.7", " 0.12 "])("accepts %p", (version) => {
    expect(checkVersion(version)).toBe(version);
  });

  test.each(["foo", "", "0.", "1..2", "1.0+", "1.0.dev1.post1", "0.12 beta?", "0x1"])(
    "rejects %p with vLLM's message",
    (version) => {
      expect(() => checkVersion(version)).toThrow(`Value error, Invalid version: '${version}'`);
    },
  );
});
