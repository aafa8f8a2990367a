// A stand-in for the Hugging Face hub: lists and serves the files of one repository, with ranges.

import { createHash } from "node:crypto";

export interface FakeHub {
  readonly env: { readonly HF_ENDPOINT: string; readonly HF_HOME: string };
  /** "path range" of each file request. */
  readonly requests: string[];
  stop(): void;
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** @param home an empty folder, so that no real cache is found */
export function serveHub(
  repo: string,
  files: Readonly<Record<string, string>>,
  home: string,
): FakeHub {
  const requests: string[] = [];
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => answer(request) });
  const hub: FakeHub = {
    env: { HF_ENDPOINT: server.url.origin, HF_HOME: home },
    requests,
    stop: () => void server.stop(true),
  };

  function answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    if (pathname === `/api/models/${repo}/tree/main`) return Response.json(listing());
    const path = pathname.replace(`/${repo}/resolve/main/`, "");
    const text = files[path];
    if (text === undefined) return new Response("not found", { status: 404 });
    const range = request.headers.get("range");
    requests.push(range === null ? path : `${path} ${range}`);
    return fileResponse(text, range);
  }

  function listing() {
    return Object.entries(files).map(([path, text]) => ({ path, lfs: { oid: sha256(text) } }));
  }

  function fileResponse(text: string, range: string | null): Response {
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    if (start > 0 && start >= text.length) return new Response("", { status: 416 });
    const body = text.slice(start);
    return new Response(body, { status: start > 0 ? 206 : 200 });
  }

  return hub;
}
