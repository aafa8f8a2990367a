// The default model is kept, found in a cache, or downloaded.

import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fetchModel } from "../../scripts/fetch-model.ts";
import { serveHub, sha256 } from "../support/fake-hub.ts";
import {
  removeTempFolders,
  tempCheckout,
  tempFolder,
  writeFiles,
} from "../support/temp-checkout.ts";

const TEXT = "a model";
const MODEL = {
  name: "tiny.gguf",
  bytes: TEXT.length,
  sha256: sha256(TEXT),
  hubPath: "user/repo/resolve/main/tiny.gguf",
};
const home = tempFolder();
const hub = serveHub("user/repo", { "tiny.gguf": TEXT }, home);

afterAll(() => {
  hub.stop();
  removeTempFolders();
});

/** Fetches the model. @returns the model's text, and the requests that the hub received */
async function fetched(checkout = tempCheckout()) {
  hub.requests.length = 0;
  await fetchModel(checkout, MODEL, hub.env);
  return [readFileSync(checkout.path("models", "tiny.gguf"), "utf8"), [...hub.requests]];
}

test("the model is downloaded once", async () => {
  const checkout = tempCheckout();
  expect(await fetched(checkout)).toEqual([TEXT, ["tiny.gguf"]]);
  expect(await fetched(checkout)).toEqual([TEXT, []]);
});

test("a correct file is kept, and a wrong one is replaced", async () => {
  const right = tempCheckout();
  writeFiles(right.path("models"), { "tiny.gguf": TEXT });
  expect(await fetched(right)).toEqual([TEXT, []]);
  for (const wrong of ["a mode", "b model"]) {
    const checkout = tempCheckout();
    writeFiles(checkout.path("models"), { "tiny.gguf": wrong });
    expect(await fetched(checkout)).toEqual([TEXT, ["tiny.gguf"]]);
  }
});

test("a partial download is resumed", async () => {
  const checkout = tempCheckout();
  writeFiles(checkout.path("models"), { "tiny.gguf.part": "a m" });
  expect(await fetched(checkout)).toEqual([TEXT, ["tiny.gguf bytes=3-"]]);
});

test("a correct file in the hub's cache is used", async () => {
  const snapshot = join(home, "hub", "models--user--repo", "snapshots", "abc");
  writeFiles(snapshot, { "tiny.gguf": "b model" });
  expect(await fetched()).toEqual([TEXT, ["tiny.gguf"]]);
  writeFiles(snapshot, { "tiny.gguf": TEXT });
  expect(await fetched()).toEqual([TEXT, []]);
});
