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
  /** Time to the answer's head, ms. */
  readonly connectTimeoutMs: number;
  /** @param total bytes, null when the server does not tell */
  readonly onProgress: (done: number, total: number | null) => void;
}

/** A connection that brings nothing for so long is given up. */
const STALL_TIMEOUT_MS = 60_000;

/**
 * What was there already of an earlier try is kept, and is kept again when this one fails.
 * @throws ConfigError "download_failed" or "checksum_mismatch"
 */
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
  const giveUp = () => abort.abort(new Error("timed out"));
  const timer = setTimeout(giveUp, connectTimeoutMs);
  const response = await fetch(url, { headers: { ...headers, ...range }, signal: abort.signal });
  clearTimeout(timer);
  // Nothing after what is there already: the earlier try had all of it.
  if (response.status === 416) return;
  if (!response.ok || response.body === null) {
    throw new ConfigError("download_failed", `cannot download ${url}: HTTP ${response.status}`);
  }
  const start = response.status === 206 ? have : 0;
  const length = response.headers.get("content-length");
  const total = length === null ? null : start + Number(length);
  const done = await writeBody(partial, response.body, { start, total, giveUp, options });
  if (total === null || done === total) return;
  const message = `cannot download ${url}: it ended after ${done} of ${total} bytes; try again`;
  throw new ConfigError("download_failed", message);
}

/** @returns the file's size afterwards */
async function writeBody(
  partial: string,
  body: ReadableStream<Uint8Array>,
  transfer: { start: number; total: number | null; giveUp: () => void; options: DownloadOptions },
): Promise<number> {
  const { start, total, giveUp, options } = transfer;
  const file = await open(partial, start > 0 ? "a" : "w");
  const stall = setTimeout(giveUp, STALL_TIMEOUT_MS);
  let done = start;
  try {
    for await (const chunk of body) {
      stall.refresh();
      await file.writeFile(chunk);
      done += chunk.length;
      options.onProgress(done, total);
    }
  } finally {
    clearTimeout(stall);
    await file.close();
  }
  return done;
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
