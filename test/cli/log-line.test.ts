// Lines of the server log.

import { describe, expect, test } from "bun:test";
import { logLine, markedLine } from "../../src/cli/log-line.ts";

const at = new Date(2026, 10, 3, 4, 5, 6);
const plain = { at, hasColor: false };

describe("logLine", () => {
  test("begins with the level and the local time, as in vLLM", () => {
    expect(logLine("the engine is back", plain)).toBe("INFO 11-03 04:05:06 the engine is back");
    expect(logLine("", plain)).toBe("INFO 11-03 04:05:06");
  });

  test("derives the level from a warning or error prefix", () => {
    expect(logLine("warning: few files", plain)).toBe("WARNING 11-03 04:05:06 few files");
    expect(logLine("error: it broke", plain)).toBe("ERROR 11-03 04:05:06 it broke");
    expect(logLine("no error: here", plain)).toBe("INFO 11-03 04:05:06 no error: here");
  });

  test("adds the prefix to every line of a multiline message", () => {
    expect(logLine("error: it broke\n    at main", plain)).toBe(
      "ERROR 11-03 04:05:06 it broke\nERROR 11-03 04:05:06     at main",
    );
  });

  test("escapes control characters, which can come from a model file", () => {
    expect(logLine("error: a\u001b[2Jb\rc\td", plain)).toBe(
      "ERROR 11-03 04:05:06 a\\u001b[2Jb\\u000dc\td",
    );
    expect(markedLine("error: a\u009bb\n c", true)).toBe("\x1b[31merror:\x1b[0m a\\u009bb\n c");
  });

  test("colors the level of warnings and errors if color is supported", () => {
    const colored = { at, hasColor: true };
    expect(logLine("fine", colored)).toBe("INFO 11-03 04:05:06 fine");
    expect(logLine("warning: x", colored)).toBe("\x1b[33mWARNING\x1b[0m 11-03 04:05:06 x");
    expect(logLine("error: x", colored)).toBe("\x1b[31mERROR\x1b[0m 11-03 04:05:06 x");
  });
});

test("markedLine() colors only the prefix of warnings and errors, if color is supported", () => {
  expect(markedLine("fine", true)).toBe("fine");
  expect(markedLine("error: x", false)).toBe("error: x");
  expect(markedLine("error: x", true)).toBe("\x1b[31merror:\x1b[0m x");
  expect(markedLine("warning: x", true)).toBe("\x1b[33mwarning:\x1b[0m x");
});
