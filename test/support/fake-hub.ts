// A fake Hugging Face hub: describes one repository and serves its files (and ranges) from another
// address, as the real hub does for large files.

import { createHash } from "node:crypto";

export interface FakeHub {
  readonly env: { readonly HF_ENDPOINT: string; readonly HF_HOME: string };
  /** "path range" of each file request. */
  readonly requests: string[];
  /**
   * Authorization header of each request to the hub itself. The storage server rejects requests that have
   * one.
   */
  readonly tokens: (string | null)[];
  stop(): void;
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Commit of the repository's only branch. */
export const HUB_COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** @param home an empty home folder, so that no real cache is found */
export function serveHub(
  repo: string,
  files: Readonly<Record<string, string>>,
  home: string,
): FakeHub {
  const requests: string[] = [];
  const tokens: (string | null)[] = [];
  const store = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => stored(request) });
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => answer(request) });
  const hub: FakeHub = {
    env: { HF_ENDPOINT: server.url.origin, HF_HOME: home },
    requests,
    tokens,
    stop: () => {
      void server.stop(true);
      void store.stop(true);
    },
  };

  function answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    tokens.push(request.headers.get("authorization"));
    const revision = new RegExp(`^/api/models/${repo}/revision/(main|${HUB_COMMIT})$`);
    if (revision.test(pathname)) return Response.json({ sha: HUB_COMMIT, siblings: siblings() });
    const file = new RegExp(`^/${repo}/resolve/(main|${HUB_COMMIT})/(.+)$`).exec(pathname)?.[2];
    if (file === undefined) return new Response("not found", { status: 404 });
    return Response.redirect(`${store.url.origin}/${file}`, 302);
  }

  function siblings() {
    return Object.entries(files).map(([rfilename, text]) => ({
      rfilename,
      size: text.length,
      blobId: "b10b",
      ...(rfilename.endsWith(".gguf") ? { lfs: { sha256: sha256(text) } } : {}),
    }));
  }

  function stored(request: Request): Response {
    const path = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const text = files[path];
    if (text === undefined) return new Response("not found", { status: 404 });
    const range = request.headers.get("range");
    requests.push(range === null ? path : `${path} ${range}`);
    if (request.headers.has("authorization")) return new Response("a token", { status: 400 });
    return fileResponse(text, range);
  }

  function fileResponse(text: string, range: string | null): Response {
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    if (start > 0 && start >= text.length) return new Response("", { status: 416 });
    const body = text.slice(start);
    return new Response(body, { status: start > 0 ? 206 : 200 });
  }

  return hub;
}
