// Connects node:http to `fetch` for one request: turns the incoming message into a `Request` and sends a
// `Response`. When the client disconnects, the request's signal is aborted and the response's stream canceled.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Access, Fetch } from "./http-types.ts";

export interface ExchangeOptions {
  readonly fetch: Fetch;
  readonly onAnswer: (access: Access) => void;
  /** Maximum size of a body before the connection is closed, bytes. */
  readonly maxBodyBytes: number;
  /** Maximum time that a client can leave all data unread before the connection is closed, ms. */
  readonly writeStallMs: number;
}

/**
 * Handles one request; starts to read its body immediately. Never throws: an error in `fetch` becomes a 500.
 */
export async function exchange(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { fetch, onAnswer, maxBodyBytes, writeStallMs }: ExchangeOptions,
): Promise<void> {
  const left = new AbortController();
  outgoing.once("close", () => {
    if (!outgoing.writableFinished) left.abort();
  });
  const body = hasBody(incoming) ? new IncomingBody(incoming, maxBodyBytes) : null;
  if (body !== null) outgoing.once("finish", () => body.drop());
  const refuse = (status: number, detail: string) => {
    onAnswer(accessOf(incoming, status));
    sendDetail(outgoing, status, detail);
  };
  const request = requestOf(incoming, body, left.signal);
  if (request === null) return refuse(400, "Invalid request target, Host or header");
  try {
    const response = await fetch(request);
    if (!left.signal.aborted) onAnswer(accessOf(incoming, response.status));
    await send(response, outgoing, left.signal, writeStallMs);
  } catch {
    // The app handles its own errors, but not this one.
    if (outgoing.headersSent) outgoing.destroy();
    else refuse(500, "Internal Server Error");
  }
}

function accessOf({ socket, method = "", url = "", httpVersion }: IncomingMessage, status: number) {
  const { remoteAddress, remotePort } = socket;
  // A listener on all IPv6 addresses sees IPv4 clients as ::ffff:1.2.3.4.
  const address = remoteAddress?.replace(/^::ffff:(?=\d+\.)/i, "");
  const client = address === undefined ? "" : `${address}:${remotePort}`;
  return { client, method, target: url, httpVersion, status };
}

/** @returns whether a body is read; node:http drops the body of a GET, which fetch does not allow */
function hasBody({ method }: IncomingMessage): boolean {
  return method !== "GET" && method !== "HEAD";
}

function sendDetail(outgoing: ServerResponse, status: number, detail: string): void {
  const body = JSON.stringify({ detail });
  outgoing.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  outgoing.end(body);
}

/** @returns null for a request with contradictory headers or an invalid URL */
function requestOf(
  incoming: IncomingMessage,
  body: IncomingBody | null,
  signal: AbortSignal,
): Request | null {
  const headers = headersOf(incoming);
  const url = headers === null ? null : urlOf(incoming, headers);
  if (headers === null || url === null) return null;
  const { method = "GET" } = incoming;
  try {
    return new Request(url, { method, headers, body: body?.stream ?? null, signal });
  } catch {
    return null;
  }
}

/** Joins repeated headers. @returns null for headers that are invalid or must not be repeated */
function headersOf({ rawHeaders, httpVersion }: IncomingMessage): Headers | null {
  const headers = new Headers();
  const isOld = httpVersion === "1.0";
  let numHosts = 0;
  try {
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i] ?? "";
      if (name.toLowerCase() === "host") numHosts++;
      headers.append(name, rawHeaders[i + 1] ?? "");
    }
  } catch {
    return null;
  }
  // RFC 9112, 6.1: a coding that this server does not decode, or any coding in HTTP/1.0, can hide a second
  // request.
  const coding = headers.get("transfer-encoding");
  const isChunked = coding === null || coding.toLowerCase() === "chunked";
  if (!isChunked || (coding !== null && isOld)) return null;
  if (numHosts !== 1 && !(numHosts === 0 && isOld)) return null;
  return headers;
}

/** A host (RFC 3986) and an optional port, without user information. */
const AUTHORITY = /^(\[[\da-fA-F:.]+\]|[\w.~!$&'()*+,;=%-]+)(:\d*)?$/;

/** Host assumed for an HTTP/1.0 request without a Host header. */
const NO_HOST = "localhost";

/** An absolute URL in the request line takes precedence over the Host header (RFC 9112, 3.2.2). */
function urlOf({ url: target = "", socket }: IncomingMessage, headers: Headers): string | null {
  const [, whole, rest = target] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? [];
  const authority = whole ?? headers.get("host") ?? NO_HOST;
  const path = whole === undefined || rest.startsWith("/") ? rest : `/${rest}`;
  if (!path.startsWith("/") || !AUTHORITY.test(authority)) return null;
  const scheme = "encrypted" in socket && socket.encrypted === true ? "https" : "http";
  const url = `${scheme}://${authority}${path}`;
  return URL.canParse(url) ? url : null;
}

/** Streams a request's body on demand. An unused body is read and discarded, up to the limit. */
class IncomingBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #incoming: IncomingMessage;
  #isWanted = true;

  constructor(incoming: IncomingMessage, maxBytes: number) {
    this.#incoming = incoming;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => this.#read(controller, maxBytes),
        pull: () => void incoming.resume(),
        cancel: () => this.drop(),
      },
      { highWaterMark: 0 },
    );
  }

  drop(): void {
    this.#isWanted = false;
    this.#incoming.resume();
  }

  #read(controller: ReadableStreamDefaultController<Uint8Array>, maxBytes: number): void {
    const incoming = this.#incoming;
    const end = (notify: () => void) => {
      if (this.#isWanted) notify();
      this.#isWanted = false;
    };
    let numBytes = 0;
    incoming.on("data", (bytes: Uint8Array) => {
      numBytes += bytes.length;
      if (numBytes > maxBytes) incoming.destroy();
      if (!this.#isWanted) return;
      controller.enqueue(bytes);
      incoming.pause();
    });
    incoming.once("end", () => end(() => controller.close()));
    incoming.on("error", (error) => end(() => controller.error(error)));
    incoming.once("close", () =>
      end(() => controller.error(new Error("the client has disconnected"))),
    );
    incoming.pause();
  }
}

/** @param left aborted when the client disconnects, possibly before the call */
async function send(
  response: Response,
  outgoing: ServerResponse,
  left: AbortSignal,
  writeStallMs: number,
): Promise<void> {
  const { body } = response;
  if (left.aborted) return body?.cancel();
  outgoing.statusCode = response.status;
  for (const [name, value] of response.headers) outgoing.setHeader(name, value);
  if (body === null || outgoing.req.method === "HEAD") {
    outgoing.end();
    return body?.cancel();
  }
  // A response with a length is sent in one piece; any other response is streamed.
  if (response.headers.has("content-length")) {
    return end(outgoing, writeStallMs, new Uint8Array(await response.arrayBuffer()));
  }
  outgoing.flushHeaders();
  const reader = body.getReader();
  left.addEventListener("abort", () => void reader.cancel(), { once: true });
  await pipe(reader, outgoing, left, writeStallMs);
}

interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
}

async function pipe(
  reader: BodyReader,
  outgoing: ServerResponse,
  left: AbortSignal,
  writeStallMs: number,
): Promise<void> {
  for (;;) {
    const { done, value } = await reader.read();
    if (left.aborted) return;
    if (done || value === undefined) return end(outgoing, writeStallMs);
    if (!outgoing.write(value) && !left.aborted) await drained(outgoing, writeStallMs);
  }
}

/**
 * Ends the response. Unread data can wait in memory, but a client that reads nothing for too long is
 * disconnected.
 */
function end(outgoing: ServerResponse, writeStallMs: number, bytes?: Uint8Array): void {
  outgoing.end(bytes);
  if (outgoing.writableFinished) return;
  let numLeft = outgoing.writableLength;
  const watch = setInterval(() => {
    const numBefore = numLeft;
    numLeft = outgoing.writableLength;
    if (numLeft >= numBefore) outgoing.destroy();
  }, writeStallMs);
  outgoing.once("close", () => clearInterval(watch));
}

/** Resolves when the client reads again or has disconnected. Disconnects a client that takes too long. */
function drained(outgoing: ServerResponse, writeStallMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stalled = setTimeout(() => outgoing.destroy(), writeStallMs);
  const end = () => {
    clearTimeout(stalled);
    outgoing.off("drain", end).off("close", end);
    resolve();
  };
  outgoing.on("drain", end).on("close", end);
  return promise;
}
