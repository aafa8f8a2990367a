// Limits from options; every way to disable a limit results in null.

import { describe, expect, test } from "bun:test";
import { serveLimits, timeoutMs, unlessZero } from "../../src/cli/limits.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";

function limitsOf(...argv: string[]) {
  const ignore = () => {};
  const options = parseOptions("serve", { argv, env: {}, readYaml: () => ({}) }, ignore);
  return serveLimits(options, ignore, null);
}

describe("a limit", () => {
  test("has a default", () => {
    expect(limitsOf()).toMatchObject({
      ...{ maxNumQueuedReqs: 256, maxNumQueuedTokens: "auto", maxLogprobs: 20 },
      ...{ queueTimeoutMs: 60_000, requestTimeoutMs: null, maxMemoryUse: 0.95 },
    });
  });

  test("is null if its option disables it", () => {
    const off = ["--queue-timeout", "0", "--request-timeout", "0"];
    const others = ["--max-memory-percent", "100", "--max-logprobs", "-1"];
    expect(limitsOf(...off, ...others)).toMatchObject({
      ...{ queueTimeoutMs: null, requestTimeoutMs: null },
      ...{ maxMemoryUse: null, maxLogprobs: null },
    });
  });

  test("has its option's value", () => {
    const times = ["--queue-timeout", "3", "--request-timeout", "9"];
    const others = ["--max-num-queued-tokens", "8k", "--max-memory-percent", "50"];
    expect(limitsOf(...times, ...others, "--max-logprobs", "0")).toMatchObject({
      ...{ queueTimeoutMs: 3000, requestTimeoutMs: 9000 },
      ...{ maxNumQueuedTokens: 8000, maxMemoryUse: 0.5, maxLogprobs: 0 },
    });
  });
});

describe("an allowed origin", () => {
  const originOf = (text: string) =>
    limitsOf("--allowed-origins", JSON.stringify([text])).allowedOrigins;

  test.each([
    ["https://a.example", "https://a.example"],
    ["https://A.example/", "https://a.example"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["chrome-extension://abc", "chrome-extension://abc"],
    ["null", "null"],
    ["*", "*"],
  ])("%p is compared as %p", (text, origin) => {
    expect(originOf(text)).toEqual([origin]);
  });

  test.each(["a.example", "", "https://a.example/page", "https://", "https:// a"])(
    "%p is rejected, since no browser sends it",
    (text) => {
      const message = `--allowed-origins: ${JSON.stringify(text)} is not an origin such as https://example.com`;
      expect(() => originOf(text)).toThrow(message);
    },
  );

  test("is not set by default, and the list can be empty", () => {
    expect(limitsOf().allowedOrigins).toBeNull();
    expect(limitsOf("--allowed-origins", "[]").allowedOrigins).toEqual([]);
  });
});

test("0 disables a limit on crashes or time", () => {
  expect([unlessZero(0), unlessZero(5)]).toEqual([null, 5]);
  expect([timeoutMs(0), timeoutMs(60)]).toEqual([null, 60_000]);
});
