// URLs in messages, without credentials.

import { expect, test } from "bun:test";
import { shownUrl } from "../src/shown-url.ts";
import { runPagoda } from "./support/run-pagoda.ts";

test.each([
  ["http://host:8000", "http://host:8000"],
  ["https://user:secret@host/a/b.gguf", "https://host/a/b.gguf"],
  ["https://us@er:sec@ret@host", "https://host"],
  ["https://host/a.gguf?X-Signature=secret", "https://host/a.gguf"],
  ["https://host/a@b.gguf#secret", "https://host/a@b.gguf"],
])("%s is shown as %s", (url, shown) => {
  expect(shownUrl(url)).toBe(shown);
});

test("no command prints the password in a URL", async () => {
  const url = "http://user:secret@127.0.0.1:9";
  for (const words of [
    ["chat", "-q", "a", "--url", url],
    ["bench", "--url", url],
    ["pull", `${url}/a.gguf?token=secret`],
  ]) {
    const { stderr } = await runPagoda(words);
    expect(stderr).toContain("http://127.0.0.1:9");
    expect(stderr).not.toContain("secret");
  }
});
