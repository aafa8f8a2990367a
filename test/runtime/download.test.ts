// Large files: whole or not there, resumed, checked.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { download, sha256OfFile } from "../../src/runtime/download.ts";
import { serveHub, sha256 } from "../support/fake-hub.ts";
import { removeTempFolders, tempFolder } from "../support/temp-checkout.ts";

const TEXT = "0123456789".repeat(1000);
const hub = serveHub("user/repo", { "a.gguf": TEXT }, tempFolder());
const url = `${hub.env.HF_ENDPOINT}/user/repo/resolve/main/a.gguf`;

let target = "";
beforeEach(() => {
  target = join(tempFolder(), "deep", "a.gguf");
  hub.requests.length = 0;
});
afterAll(() => {
  hub.stop();
  removeTempFolders();
});

function get(changes: { url?: string; sha256?: string | null; timeoutMs?: number } = {}) {
  const progress: [number, number | null][] = [];
  const done = download({
    url: changes.url ?? url,
    target,
    sha256: changes.sha256 === undefined ? sha256(TEXT) : changes.sha256,
    connectTimeoutMs: changes.timeoutMs ?? 5_000,
    onProgress: (bytes, total) => progress.push([bytes, total]),
  });
  return { done, progress };
}

/** Promises the whole text, sends the first bytes and ends the connection. */
async function breakingUrl(bytes: number): Promise<string> {
  const server = createServer((socket) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Length: ${TEXT.length}\r\n\r\n`;
    socket.once("data", () => {
      socket.write(head + TEXT.slice(0, bytes));
      setTimeout(() => socket.end(), 50);
    });
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" ? `http://127.0.0.1:${address?.port}/a.gguf` : "";
}

describe("download", () => {
  test("puts the file in place, with its folder, and tells how far it is", async () => {
    const { done, progress } = get();
    await done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
    expect(existsSync(`${target}.part`)).toBe(false);
    expect(progress.at(-1)).toEqual([TEXT.length, TEXT.length]);
  });

  test("a broken connection leaves nothing in place, and the next try goes on from there", async () => {
    const broken = get({ url: await breakingUrl(4000) });
    await expect(broken.done).rejects.toMatchObject({ code: "download_failed" });
    expect(existsSync(target)).toBe(false);
    expect(readFileSync(`${target}.part`, "utf8")).toBe(TEXT.slice(0, 4000));
    await get().done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
    expect(hub.requests).toEqual(["a.gguf bytes=4000-"]);
  });

  test("an earlier try that had all of it needs no byte more", async () => {
    await get().done;
    writeFileSync(`${target}.part`, TEXT);
    await get().done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
  });

  test("another content is refused and not resumed", async () => {
    const refused = get({ sha256: sha256("other") }).done;
    await expect(refused).rejects.toMatchObject({ code: "checksum_mismatch" });
    expect([target, `${target}.part`].filter(existsSync)).toEqual([]);
  });

  test("without a known checksum the length still counts", async () => {
    await get({ sha256: null }).done;
    expect(await sha256OfFile(target)).toBe(sha256(TEXT));
  });

  test("an error of the server is told with its status", async () => {
    await expect(get({ url: `${url}.none` }).done).rejects.toThrow("a.gguf.none: HTTP 404");
  });

  test("a server that does not answer is given up", async () => {
    const silent = Bun.serve({ port: 0, fetch: () => new Promise<Response>(() => {}) });
    const started = get({ url: silent.url.href, timeoutMs: 50 });
    await expect(started.done).rejects.toThrow("timed out");
    await silent.stop(true);
  });
});
