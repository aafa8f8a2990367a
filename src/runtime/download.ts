// Downloading a large file: resumed by range, checked by SHA-256, moved into place only when whole.

import { createReadStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { ConfigError } from "../errors.ts";

export interface DownloadOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly target: string;
  /** Hex; null = not known. */
  readonly sha256: string | null;
  /** Time to the first byte, ms. */
  readonly connectTimeoutMs: number;
  /** @param total bytes, null when the server does not tell */
  readonly onProgress: (done: number, total: number | null) => void;
}

/** @throws ConfigError "download_failed" or "checksum_mismatch" */
export async function download(options: DownloadOptions): Promise<void> {
  const { target, url } = options;
  const partial = `${target}.part`;
  mkdirSync(dirname(target), { recursive: true });
  try {
    await fetchInto(partial, options);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError("download_failed", `cannot download ${url}: ${reason}`, { cause });
  }
  await checkFile(partial, options.sha256, url);
  renameSync(partial, target);
}

/** @returns lower-case hex */
export async function sha256OfFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    hasher.update(chunk);
  return hasher.digest("hex");
}

async function fetchInto(partial: string, options: DownloadOptions): Promise<void> {
  const { url, headers = {}, connectTimeoutMs } = options;
  const have = existsSync(partial) ? statSync(partial).size : 0;
  const range: Record<string, string> = have > 0 ? { range: `bytes=${have}-` } : {};
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error("timed out")), connectTimeoutMs);
  const response = await fetch(url, { headers: { ...headers, ...range }, signal: abort.signal });
  clearTimeout(timer);
  if (response.status === 416) return;
  if (!response.ok || response.body === null) {
    throw new ConfigError("download_failed", `cannot download ${url}: HTTP ${response.status}`);
  }
  const start = response.status === 206 ? have : 0;
  const length = response.headers.get("content-length");
  const total = length === null ? null : start + Number(length);
  const file = await open(partial, start > 0 ? "a" : "w");
  try {
    let done = start;
    for await (const chunk of response.body) {
      await file.write(chunk);
      done += chunk.length;
      options.onProgress(done, total);
    }
  } finally {
    await file.close();
  }
}

async function checkFile(path: string, sha256: string | null, url: string): Promise<void> {
  if (sha256 === null) return;
  const found = await sha256OfFile(path);
  if (found === sha256) return;
  rmSync(path);
  throw new ConfigError(
    "checksum_mismatch",
    `${url} has the wrong checksum (${found}, expected ${sha256}); try again`,
  );
}
