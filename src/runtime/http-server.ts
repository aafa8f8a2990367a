// Listens with the settings that long responses need: no timeout during a response, no shared port, a body
// limit. On Bun, node:http frames requests, because Bun.serve closes a connection if bytes arrive during a
// response, even an empty line between requests.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { ListenOptions } from "node:net";
import type { Duplex } from "node:stream";
import { ConfigError } from "../errors.ts";
import { denoApi, listenInDeno } from "./deno.ts";
import { fileFault } from "./file-fault.ts";
import { Connection } from "./http-connection.ts";
import { exchange } from "./http-exchange.ts";
import type { Deadlines, HttpServer, HttpServerOptions } from "./http-types.ts";
import { urlOf } from "./listen-address.ts";
import { clearSocketPath, SocketFile } from "./unix-socket.ts";

const DEADLINES: Deadlines = {
  headersMs: 12_000,
  requestMs: 90_000,
  idleMs: 60_000,
  writeStallMs: 60_000,
};

const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Multiple of the app's body limit at which the connection is closed. Below it, the app refuses the body.
 */
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
    // The exchange checks the Host, because node:http's own response would cut off earlier responses.
    requireHostHeader: false,
  };
  const server = tls === null ? createServer(settings) : createHttpsServer({ ...settings, ...tls });
  const state = { isStopping: false };
  answerRequests(server, options, state);
  const file = await bind(server, options);
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  const scheme = tls === null ? "http" : "https";
  const stop = async (force: boolean) => {
    state.isStopping = true;
    await stopServer(server, file, force);
    file?.forget();
  };
  const url = socketPath === null ? urlOf(host, port, scheme) : `${scheme}://localhost`;
  return { url, port, stop };
}

/** @returns the file of a Unix socket; null for an address */
async function bind(server: Server, options: HttpServerOptions): Promise<SocketFile | null> {
  const { host, address = host, port, socketPath: path = null } = options;
  if (path === null) {
    await listening(server, { host: address, port });
    return null;
  }
  await clearSocketPath(path);
  await listening(server, { path });
  return new SocketFile(path);
}

function listening(server: Server, place: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("listening", resolve).once("error", reject).listen(place);
  });
}

function answerRequests(
  server: Server,
  { fetch, maxBodyBytes, onAnswer = () => {}, deadlines = DEADLINES }: HttpServerOptions,
  state: { readonly isStopping: boolean },
): void {
  const { writeStallMs } = deadlines;
  const settings = { fetch, onAnswer, maxBodyBytes: maxBodyBytes * BODY_LIMITS, writeStallMs };
  const connections = new WeakMap<Duplex, Connection>();
  const answer = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // A stopping server accepts no further requests on a connection.
    if (state.isStopping) outgoing.shouldKeepAlive = false;
    return exchange(incoming, outgoing, settings);
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
  // Servers may ignore unknown expectations (RFC 9110, 10.1.1), as vLLM does.
  server.on("checkExpectation", take);
  server.on("clientError", (error, socket) => connectionOf(socket).refuse(error));
  // Without a listener, node:http closes the connection, along with every response in progress on it.
  server.on("connect", (_, socket) =>
    connectionOf(socket).refuse(new Error("tunnels are not supported")),
  );
}

function stopServer(server: Server, file: SocketFile | null, force: boolean): Promise<void> {
  return new Promise((resolve) => {
    const close = () => void server.close(() => resolve());
    if (file === null) close();
    else file.close(close);
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
