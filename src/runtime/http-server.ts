// Listening, with the settings that long answers need: no time-out while an answer is computed, no shared
// port, a body limit. In Bun it is node:http that frames requests: Bun.serve closes a connection on which
// bytes come while an answer is under way, and an empty line between requests is such bytes.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { ListenOptions } from "node:net";
import type { Duplex } from "node:stream";
import { ConfigError } from "../errors.ts";
import { denoApi, listenInDeno } from "./deno.ts";
import { fileFault } from "./file-fault.ts";
import { Connection } from "./http-connection.ts";
import { exchange, type Fetch } from "./http-exchange.ts";
import { urlOf } from "./listen-address.ts";
import type { TlsSettings } from "./tls-files.ts";
import { clearSocketPath, removeSocket } from "./unix-socket.ts";

export interface HttpServerOptions {
  /** A name or an address, as the URL has it. */
  readonly host: string;
  /** Numeric; by default the host. */
  readonly address?: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Path of a Unix socket that is listened on instead of an address; absent or null = none. */
  readonly socketPath?: string | null;
  /** Absent or null = plain HTTP. */
  readonly tls?: TlsSettings | null;
  /** What the app accepts, bytes. */
  readonly maxBodyBytes: number;
  readonly fetch: Fetch;
  readonly deadlines?: Deadlines;
}

export interface HttpServer {
  readonly url: string;
  /** 0 = none: a Unix socket. */
  readonly port: number;
  /** Stops accepting; resolves when open answers have ended, or at once with `force`. */
  stop(force: boolean): Promise<void>;
}

/** How long a connection may keep the server waiting, ms. While an answer is computed none holds. */
export interface Deadlines {
  /** Until the headers of a request are whole: of a new connection from its start, else from the first byte. */
  readonly headersMs: number;
  /** Until the body is whole, too. The app refuses one that takes 60 s: this is for those that nobody reads. */
  readonly requestMs: number;
  /** From an answer to the next request. */
  readonly idleMs: number;
  /** In which a client that is written to takes nothing. */
  readonly writeStallMs: number;
}

const DEADLINES: Deadlines = {
  headersMs: 12_000,
  requestMs: 90_000,
  idleMs: 60_000,
  writeStallMs: 60_000,
};

const MAX_HEADER_BYTES = 16 * 1024;

/** The app refuses too large a body with a proper answer. So far beyond its limit the connection is cut. */
const BODY_LIMITS = 16;

/** @throws ConfigError "address_in_use" or "cannot_listen" */
export async function listen(options: HttpServerOptions): Promise<HttpServer> {
  const deno = denoApi();
  try {
    return deno === null ? await listenInBun(options) : listenInDeno(deno, options);
  } catch (cause) {
    throw cause instanceof ConfigError ? cause : listenError(cause, options);
  }
}

async function listenInBun(options: HttpServerOptions): Promise<HttpServer> {
  const { host, deadlines = DEADLINES, socketPath = null, tls = null } = options;
  const settings = {
    headersTimeout: deadlines.headersMs,
    requestTimeout: deadlines.requestMs,
    keepAliveTimeout: deadlines.idleMs,
    connectionsCheckingInterval: deadlines.headersMs / 4,
    maxHeaderSize: MAX_HEADER_BYTES,
    // The exchange sees to it: node:http's own answer would cut those before it.
    requireHostHeader: false,
  };
  const server = tls === null ? createServer(settings) : createHttpsServer({ ...settings, ...tls });
  const state = { isStopping: false };
  answerRequests(server, options, state);
  const unbind = await bind(server, options);
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const scheme = tls === null ? "http" : "https";
  const stop = async (force: boolean) => {
    state.isStopping = true;
    await stopServer(server, force);
    unbind();
  };
  const url = socketPath === null ? urlOf(host, port, scheme) : `${scheme}://localhost`;
  return { url, port, stop };
}

/** @returns to be called when it listens no more: until then the end of the process removes a socket's file */
async function bind(server: Server, options: HttpServerOptions): Promise<() => void> {
  const { host, address = host, port, socketPath: path = null } = options;
  if (path === null) {
    await listening(server, { host: address, port });
    return () => {};
  }
  await clearSocketPath(path);
  await listening(server, { path });
  const remove = () => removeSocket(path);
  process.once("exit", remove);
  return () => void process.off("exit", remove);
}

function listening(server: Server, place: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve).once("error", reject).listen(place);
  });
}

function answerRequests(
  server: Server,
  { fetch, maxBodyBytes, deadlines = DEADLINES }: HttpServerOptions,
  state: { readonly isStopping: boolean },
): void {
  const { writeStallMs } = deadlines;
  const limits = { maxBodyBytes: maxBodyBytes * BODY_LIMITS, writeStallMs };
  const connections = new WeakMap<Duplex, Connection>();
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // Nothing more is expected of a connection of a server that ends.
    if (state.isStopping) outgoing.shouldKeepAlive = false;
    return exchange(incoming, outgoing, fetch, limits);
  };
  const connectionOf = (socket: Duplex) => {
    const connection = connections.get(socket) ?? new Connection(socket, answer);
    connections.set(socket, connection);
    return connection;
  };
  const take = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    void connectionOf(incoming.socket)
      .add(incoming, outgoing)
      .then(() => {
        if (state.isStopping) server.closeIdleConnections();
      });
  };
  server.on("request", take);
  // An unknown expectation may be ignored (RFC 9110, 10.1.1), as vLLM does.
  server.on("checkExpectation", take);
  server.on("clientError", (error, socket) => connectionOf(socket).refuse(error));
  // Without a listener the connection is cut, whatever is under way on it.
  server.on("connect", (_, socket) => connectionOf(socket).refuse(new Error("no tunnel is made")));
}

function stopServer(server: Server, force: boolean): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if (force) server.closeAllConnections();
  });
}

function listenError(cause: unknown, options: HttpServerOptions): ConfigError {
  const { host, port, socketPath = null } = options;
  const place = socketPath ?? `${host}:${port}`;
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  if (code === "EADDRINUSE") {
    const other = socketPath === null ? "--port" : "--uds";
    const message = `${place} is in use; stop the other server or choose ${other}`;
    return new ConfigError("address_in_use", message, { cause });
  }
  const message = `cannot listen on ${place}: ${fileFault(cause)}`;
  return new ConfigError("cannot_listen", message, { cause });
}
