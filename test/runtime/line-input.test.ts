// Text from a pipe, read in a separate process.

import { describe, expect, test } from "bun:test";

const PROGRAM = `
import { pipedText } from "./src/runtime/line-input.ts";
console.log(JSON.stringify(await pipedText().catch(({ message }) => ({ message }))));
`;

function read(input: Uint8Array): unknown {
  const { stdout } = Bun.spawnSync([process.execPath, "-e", PROGRAM], { stdin: input });
  return JSON.parse(stdout.toString());
}

describe("text from a pipe", () => {
  test.each([
    ["", ""],
    ["a\n", "a"],
    ["a\r\nb\rc\u2028d\n\n", "a\r\nb\rc\u2028d\n"],
    ["\u{1f600}\r\n", "\u{1f600}"],
  ])("%j is read as %j", (input, text) => {
    expect(read(Buffer.from(input))).toBe(text);
  });

  test("is refused if it is not UTF-8", () => {
    const message = "standard input is not valid UTF-8";
    expect(read(Uint8Array.of(0x61, 0xff))).toEqual({ message });
    expect(read(Uint8Array.of(0xe2, 0x82))).toEqual({ message });
  });
});
