// Words of a command line that are not UTF-8.

import { expect, test } from "bun:test";
import { notUtf8 } from "../../src/runtime/program-arguments.ts";
import { MAIN } from "../support/run-pagoda.ts";

const commandLine = (text: string) => () => Buffer.from(text, "latin1");

test("a word with invalid bytes is found by its index", () => {
  const read = commandLine("pagoda\0serve\0a\xffb\0");
  expect(notUtf8(["serve", "a\ufffdb"], read)).toBe(1);
});

test("a typed U+FFFD is accepted", () => {
  const read = commandLine("pagoda\0complete\0a\xef\xbf\xbdb\0");
  expect(notUtf8(["complete", "a\ufffdb"], read)).toBeNull();
});

test("the command line is read only if a word could be invalid", () => {
  const fail = () => {
    throw new Error("must not be read");
  };
  expect(notUtf8([], fail)).toBeNull();
  expect(notUtf8(["serve", "\u00e9"], fail)).toBeNull();
});

test("a system without this file accepts every word", () => {
  const absent = () => {
    throw new Error("ENOENT");
  };
  expect(notUtf8(["a\ufffdb"], absent)).toBeNull();
});

test.skipIf(process.platform !== "linux")(
  "the program refuses such a word and starts nothing",
  () => {
    const script = '"$0" "$1" complete "$(printf "a\\377b")" </dev/null';
    const ran = Bun.spawnSync(["sh", "-c", script, process.execPath, MAIN], { stderr: "pipe" });
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr.toString()).toBe("error: a\ufffdb: this word is not valid UTF-8\n");
  },
);
