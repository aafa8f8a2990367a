// Messages about system errors with files and addresses.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { constants } from "node:os";
import { fileFault, systemFault } from "../../src/runtime/file-fault.ts";

function readFault(path: string): unknown {
  try {
    return readFileSync(path);
  } catch (error) {
    return error;
  }
}

test.each([
  ["/nonexistent/x", "no such file or directory"],
  ["/tmp", "it is a folder"],
  [`${import.meta.path}/x`, "not a directory"],
])("the message about %s is the system's text without the code", (path, words) => {
  const error = readFault(path);
  expect(fileFault(error)).toBe(words);
  expect(fileFault(error)).not.toMatch(/E[A-Z]{3,}/);
});

test("the message about an unexpected error names the file", () => {
  expect(systemFault(readFault("/nonexistent/x"))).toBe(
    "/nonexistent/x: no such file or directory",
  );
});

test("the message about an unexpected error names the call if no file is involved", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  createServer().once("error", resolve).listen(0, "192.0.2.1");
  expect(systemFault(await promise)).toBe("listen: this machine has no such address");
});

test("the message about an address leaves the address to the caller, whatever the sign of the number", () => {
  for (const errno of [constants.errno.EACCES, -constants.errno.EACCES]) {
    const text = "listen EACCES: permission denied 127.0.0.1:80";
    const error = Object.assign(new Error(text), { errno, code: "EACCES", syscall: "listen" });
    expect(fileFault(error)).toBe("permission denied");
  }
});

test("other errors keep their own message", () => {
  expect(systemFault(new Error("a bug"))).toBeNull();
  expect(fileFault(new Error("a bug"))).toBe("a bug");
  expect(fileFault("text")).toBe("text");
});
