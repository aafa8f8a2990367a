// Downloads a large file: resumes by range, computes the SHA-256 while writing, and moves the file into place
// only when it is complete.

import { createHash, type Hash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout } from "node:timers";
import { connectionFault } from "../connection-fault.ts";
import { ConfigError } from "../errors.ts";
import { shownUrl } from "../shown-url.ts";
import { fileFault } from "./file-fault.ts";
import {
  claimPartial,
  forgetVersion,
  leavePartial,
  notedVersion,
  noteVersion,
  versionOf,
} from "./partial-file.ts";

export interface DownloadOptions {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly target: string;
  /** File of an unfinished download. Default: the target with ".part". */
  readonly partial?: string;
  /** In hex; null = unknown. */
  readonly sha256: string | null;
  /** First characters of a valid file, in ASCII, since a server can send a web page instead. */
  readonly startsWith?: string;
  /** Size of the file if known in advance; not every server reports it. */
  readonly bytes?: number;
  /** Hint for the user if the server refuses the file. */
  readonly refusalHint?: string;
  /** Time limit for the response headers, ms. */
  readonly connectTimeoutMs: number;
  /** Stops the download, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** @param total bytes; null if the server does not report it */
  readonly onProgress: (done: number, total: number | null) => void;
}

/** Time without data after which the connection is closed. */
const STALL_TIMEOUT_MS = 60_000;

/**
 * Resumes an earlier attempt. If this attempt fails too, the partial file is kept.
 * @throws ConfigError "download_failed", "disk_full" or "checksum_mismatch"; the signal's reason
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { target, url, sha256, partial = `${target}.part` } = options;
  let claimed: string | null = null;
  try {
    mkdirSync(dirname(target), { recursive: true });
    claimed = claimPartial(partial);
    const found = await fetchInto(claimed, options);
    if (options.startsWith !== undefined && statSync(claimed).size === 0)
      throw wrongKind(claimed, options);
    if (sha256 !== null && found !== sha256) throw checksumMismatch(claimed, options, found);
    renameSync(claimed, target);
    forgetVersion(claimed);
  } catch (cause) {
    if (claimed !== null) leavePartial(claimed, partial);
    if (cause instanceof ConfigError) throw cause;
    options.signal?.throwIfAborted();
    const reason = isFileFault(cause)
      ? `cannot write ${target}: ${fileFault(cause)}`
      : connectionFault(cause);
    const message = `cannot download ${shownUrl(url)}: ${reason}`;
    throw new ConfigError("download_failed", message, { cause });
  }
}

const isFileFault = (cause: unknown): boolean =>
  ["mkdir", "open", "write", "rename"].includes(String((cause as NodeJS.ErrnoException).syscall));

/** @returns lowercase hex */
export async function sha256OfFile(path: string): Promise<string> {
  return (await hasherOf(path)).digest("hex");
}

/** @param bytes first bytes of the file @throws ConfigError "download_failed" */
function checkStart(partial: string, bytes: Uint8Array, options: DownloadOptions): void {
  const { startsWith = "" } = options;
  const start = Buffer.from(bytes.subarray(0, startsWith.length)).toString("latin1");
  if (!startsWith.startsWith(start)) throw wrongKind(partial, options);
}

function wrongKind(partial: string, { url, startsWith }: DownloadOptions): ConfigError {
  rmSync(partial);
  const message = `${shownUrl(url)} is not a model: the data does not begin with ${startsWith}`;
  return new ConfigError("download_failed", message);
}

function checksumMismatch(partial: string, options: DownloadOptions, found: string): ConfigError {
  rmSync(partial);
  return new ConfigError(
    "checksum_mismatch",
    `${shownUrl(options.url)} has the wrong checksum (${found}, expected ${options.sha256}); try again`,
  );
}

/** @returns the SHA-256 of the whole file, hex */
async function fetchInto(partial: string, options: DownloadOptions): Promise<string> {
  const { url, headers = {}, connectTimeoutMs, signal } = options;
  const have = existsSync(partial) ? statSync(partial).size : 0;
  const range = have > 0 ? rangeFrom(have, partial, options) : {};
  const abort = new AbortController();
  const giveUp = () => abort.abort(new Error("timed out"));
  const timer = setTimeout(giveUp, connectTimeoutMs);
  const response = await fetch(url, {
    headers: { ...headers, ...UNCODED, ...range },
    signal: signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]),
  }).finally(() => clearTimeout(timer));
  if (have > 0 && isOfOther(response, have, partial, options)) {
    await response.body?.cancel();
    rmSync(partial);
    return fetchInto(partial, options);
  }
  // No bytes are left, since the earlier attempt received all of them.
  if (response.status === 416) return sha256OfFile(partial);
  if (!response.ok || response.body === null) {
    const isRefused = response.status === 401 || response.status === 403;
    const hint = isRefused && options.refusalHint !== undefined ? `; ${options.refusalHint}` : "";
    const message = `cannot download ${shownUrl(url)}: HTTP ${response.status}${hint}`;
    throw new ConfigError("download_failed", message);
  }
  const start = response.status === 206 ? have : 0;
  if (start === 0) noteVersion(partial, versionOf(response.headers));
  const length = lengthOf(response.headers);
  const total = length === null ? (options.bytes ?? null) : start + length;
  checkSpace(partial, (total ?? start) - start);
  const transfer = { start, total, giveUp, options };
  const { done, sha256 } = await writeBody(partial, response.body, transfer);
  if (total === null) options.onProgress(done, done);
  if (total === null || done === total) return sha256;
  const message = `cannot download ${shownUrl(url)}: the transfer was cut off after ${done} of ${total} bytes; try again`;
  throw new ConfigError("download_failed", message);
}

/**
 * Asks for the bytes of the file itself, since ranges and lengths of compressed data would be
 * useless.
 */
const UNCODED = { "accept-encoding": "identity" };

/** @returns bytes of the response; null if unknown, as when a server compresses it regardless */
function lengthOf(headers: Headers): number | null {
  const length = headers.get("content-length");
  const isCoded = (headers.get("content-encoding") ?? "identity") !== "identity";
  return length === null || isCoded ? null : Number(length);
}

/**
 * Requests the rest of the same version of the file (RFC 9110, 13.1.5). Without a checksum that would detect
 * a mix of versions, and without a recorded version, requests the whole file.
 */
function rangeFrom(
  have: number,
  partial: string,
  { sha256 }: DownloadOptions,
): Record<string, string> {
  const range = `bytes=${have}-`;
  if (sha256 !== null) return { range };
  const version = notedVersion(partial);
  return version === null ? {} : { range, "if-range": version };
}

/** @returns whether a server that ignores If-Range sent the rest of a different version of the file */
function isOfOther(
  { status, headers }: Response,
  have: number,
  partial: string,
  { sha256 }: DownloadOptions,
): boolean {
  if (sha256 !== null) return false;
  // A response to If-Range may omit the date.
  if (status === 206) return ![null, notedVersion(partial)].includes(versionOf(headers));
  return status === 416 && headers.get("content-range") !== `bytes */${have}`;
}

/** @throws ConfigError "disk_full" */
function checkSpace(path: string, bytes: number): void {
  const folder = dirname(path);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (bytes <= free) return;
  const mib = (n: number) => `${Math.ceil(n / 2 ** 20)} MiB`;
  const message = `${folder} needs ${mib(bytes)} of free space, but has ${mib(free)}`;
  throw new ConfigError("disk_full", message);
}

/** @returns the file's size afterwards and its SHA-256, hex */
async function writeBody(
  partial: string,
  body: ReadableStream<Uint8Array>,
  transfer: { start: number; total: number | null; giveUp: () => void; options: DownloadOptions },
): Promise<{ done: number; sha256: string }> {
  const { start, total, giveUp, options } = transfer;
  const hasher = start > 0 ? await hasherOf(partial) : createHash("sha256");
  const file = await open(partial, start > 0 ? "a" : "w");
  const stall = setTimeout(giveUp, STALL_TIMEOUT_MS);
  let done = start;
  try {
    for await (const chunk of body) {
      stall.refresh();
      if (done === 0) checkStart(partial, chunk, options);
      await file.writeFile(chunk);
      hasher.update(chunk);
      done += chunk.length;
      options.onProgress(done, total);
    }
  } finally {
    clearTimeout(stall);
    await file.close();
  }
  return { done, sha256: hasher.digest("hex") };
}

async function hasherOf(path: string): Promise<Hash> {
  const hasher = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }))
    hasher.update(chunk);
  return hasher;
}
