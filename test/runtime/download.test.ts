// Large downloads: atomic, resumable, and verified.

import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
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

interface Changes {
  url?: string;
  sha256?: string | null;
  timeoutMs?: number;
  bytes?: number;
}

function get(changes: Changes = {}) {
  const progress: [number, number | null][] = [];
  const done = download({
    url: changes.url ?? url,
    target,
    sha256: changes.sha256 === undefined ? sha256(TEXT) : changes.sha256,
    connectTimeoutMs: changes.timeoutMs ?? 5_000,
    ...(changes.bytes === undefined ? {} : { bytes: changes.bytes }),
    onProgress: (bytes, total) => progress.push([bytes, total]),
  });
  return { done, progress };
}

/** Runs the same download in another process. @returns the process's output */
async function runElsewhere(from = url): Promise<string> {
  const options = { url: from, target, sha256: sha256(TEXT), connectTimeoutMs: 60_000 };
  const file = join(import.meta.dir, "../../src/runtime/download.ts");
  const program = `const { download } = await import(${JSON.stringify(file)});
    await download({ ...${JSON.stringify(options)}, onProgress() {} })
      .catch(({ code }) => console.log(code));`;
  const child = Bun.spawn([process.execPath, "-e", program], { stderr: "inherit" });
  expect(await child.exited).toBe(0);
  return await new Response(child.stdout).text();
}

/** Serves this header and the first bytes of the text, then closes the connection. */
async function rawUrl(header: string, bytes: number, text = TEXT): Promise<string> {
  const server = createServer((socket) => {
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n${text.slice(0, bytes)}`);
      setTimeout(() => socket.end(), 50); // after the client has read, so the close arrives separately
    });
    socket.on("error", () => {});
  });
  server.unref();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" ? `http://127.0.0.1:${address?.port}/a.gguf` : "";
}

/** Promises the whole text but sends only the first bytes. */
const breakingUrl = (bytes: number) => rawUrl(`Content-Length: ${TEXT.length}`, bytes);

describe("download", () => {
  test("creates the folder and the file, and reports progress", async () => {
    const { done, progress } = get();
    await done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
    expect(existsSync(`${target}.part`)).toBe(false);
    expect(progress.at(-1)).toEqual([TEXT.length, TEXT.length]);
  });

  test("leaves no file in place after a broken connection, and resumes at the same position", async () => {
    const broken = get({ url: await breakingUrl(4000) });
    await expect(broken.done).rejects.toMatchObject({ code: "download_failed" });
    expect(existsSync(target)).toBe(false);
    expect(readFileSync(`${target}.part`, "utf8")).toBe(TEXT.slice(0, 4000));
    await get().done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
    expect(hub.requests).toEqual(["a.gguf bytes=4000-"]);
  });

  test("sends no request if an earlier attempt received everything", async () => {
    await get().done;
    writeFileSync(`${target}.part`, TEXT);
    await get().done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
  });

  test("rejects different content and does not resume it", async () => {
    const refused = get({ sha256: sha256("other") }).done;
    await expect(refused).rejects.toMatchObject({ code: "checksum_mismatch" });
    expect([target, `${target}.part`].filter(existsSync)).toEqual([]);
  });

  test("checks the length even without a known checksum", async () => {
    await get({ sha256: null }).done;
    expect(await sha256OfFile(target)).toBe(sha256(TEXT));
  });

  describe("of a file without a checksum", () => {
    const OLD = "a".repeat(9000);
    let file = { text: OLD, headers: { etag: '"1"' } as Record<string, string> };
    let heedsIfRange = true;
    const asked: (string | null)[][] = [];
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: ({ headers }) => {
        const [range, version] = [headers.get("range"), headers.get("if-range")];
        asked.push([range, version]);
        const current = file.headers["etag"] ?? file.headers["last-modified"] ?? "";
        const isCurrent = version === null || version === current || !heedsIfRange;
        const from = range !== null && isCurrent ? Number(/\d+/.exec(range)) : 0;
        const size = file.text.length;
        if (from >= size)
          return new Response("", { status: 416, headers: { "content-range": `bytes */${size}` } });
        const status = from > 0 ? 206 : 200;
        return new Response(file.text.slice(from), { status, headers: file.headers });
      },
    });
    afterAll(() => server.stop(true));
    const whole = { url: server.url.href, sha256: null };

    /** Makes an attempt that is cut off after 4000 bytes. */
    async function begin(headers: Record<string, string>) {
      file = { text: OLD, headers };
      heedsIfRange = true;
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const cut = await rawUrl(`${lines.join("")}Content-Length: ${OLD.length}`, 4000, OLD);
      await get({ url: cut, sha256: null }).done.catch(() => {});
      expect(readFileSync(`${target}.part`, "utf8")).toBe(OLD.slice(0, 4000));
      asked.length = 0;
    }

    async function goOn(): Promise<string> {
      await get(whole).done;
      expect(readdirSync(dirname(target))).toEqual(["a.gguf"]);
      return readFileSync(target, "utf8");
    }

    const DATE = "Mon, 30 Nov 2026 10:00:00 GMT";

    test.each([
      [{ etag: '"1"', "last-modified": DATE }, '"1"'],
      [{ etag: 'W/"1"', "last-modified": DATE }, DATE],
    ])("%j: continues the same version of the file", async (headers, version) => {
      await begin(headers);
      file.headers = { etag: version };
      expect(await goOn()).toBe(OLD);
      expect(asked).toEqual([["bytes=4000-", version]]);
    });

    test.each([{}, { etag: 'W/"1"' }])(
      "%j: starts over without a usable validator",
      async (headers) => {
        await begin(headers);
        expect(await goOn()).toBe(OLD);
        expect(asked).toEqual([[null, null]]);
      },
    );

    test.each([
      [true, "b".repeat(9000), 1],
      [false, "b".repeat(9000), 2],
      [false, "b".repeat(3000), 2],
    ])(
      "never mixes versions of a changed file (If-Range honored: %p)",
      async (heeds, text, tries) => {
        await begin({ etag: '"1"' });
        file = { text, headers: { etag: '"2"' } };
        heedsIfRange = heeds;
        expect(await goOn()).toBe(text);
        expect(asked.length).toBe(tries);
      },
    );

    test("checks that the file is unchanged if an earlier attempt received everything", async () => {
      await begin({ etag: '"1"' });
      writeFileSync(`${target}.part`, OLD);
      expect(await goOn()).toBe(OLD);
      expect(asked).toEqual([["bytes=9000-", '"1"']]);
    });
  });

  test("concurrent downloads use separate files, and a killed process's partial file is resumed", async () => {
    await Promise.all([get().done, get().done, runElsewhere()]);
    expect(readFileSync(target, "utf8")).toBe(TEXT);
    const killed = Bun.spawnSync(["true"]).pid;
    hub.requests.length = 0;
    writeFileSync(`${target}.part.${killed}-1`, TEXT.slice(0, 4000));
    writeFileSync(`${target}.part.${process.ppid}-1`, TEXT.slice(0, 5000));
    await get().done;
    expect(hub.requests).toEqual(["a.gguf bytes=4000-"]);
    expect(readdirSync(dirname(target)).sort()).toEqual([
      "a.gguf",
      `a.gguf.part.${process.ppid}-1`,
    ]);
  });

  test("rejects a file that does not fit on the disk", async () => {
    const started = get({ url: await rawUrl("Content-Length: 9000000000000000", 10) });
    await expect(started.done).rejects.toMatchObject({ code: "disk_full" });
    expect(existsSync(target)).toBe(false);
  });

  test("uses the known length if the server sends none, and detects truncation", async () => {
    const chunked = () => rawUrl("Connection: close", TEXT.length);
    const unknown = get({ url: await chunked() });
    await unknown.done;
    expect(unknown.progress.slice(-2)).toEqual([
      [TEXT.length, null],
      [TEXT.length, TEXT.length],
    ]);
    const known = get({ url: await chunked(), bytes: TEXT.length + 1 });
    await expect(known.done).rejects.toThrow(`the transfer was cut off after ${TEXT.length} of`);
  });

  test.each([
    ["asks for no compression", "identity"],
    ["accepts data that a server compresses regardless", null],
  ])("%s", async (_, obeyed) => {
    const answer = ({ headers }: Request) =>
      headers.get("accept-encoding") === obeyed
        ? new Response(TEXT)
        : new Response(Bun.gzipSync(TEXT), { headers: { "content-encoding": "gzip" } });
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
    const { done, progress } = get({ url: `${server.url.href}a.gguf` });
    await done;
    expect(readFileSync(target, "utf8")).toBe(TEXT);
    expect(progress.at(-1)).toEqual([TEXT.length, TEXT.length]);
    expect(progress.some(([, total]) => total === null)).toBe(obeyed === null);
    await server.stop(true);
  });

  test("reports a server error with its status", async () => {
    await expect(get({ url: `${url}.none` }).done).rejects.toThrow("a.gguf.none: HTTP 404");
  });

  test("lets a process end as soon as its download has failed", async () => {
    expect(await runElsewhere("http://127.0.0.1:9/a.gguf")).toBe("download_failed\n");
  });

  test("gives up on a server that does not respond", async () => {
    const silent = Bun.serve({ port: 0, fetch: () => new Promise<Response>(() => {}) });
    const started = get({ url: silent.url.href, timeoutMs: 50 });
    await expect(started.done).rejects.toThrow("timed out");
    await silent.stop(true);
  });
});
