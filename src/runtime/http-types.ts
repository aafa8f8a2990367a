// An HTTP server as its callers see it, in Bun and in Deno.

import type { Fetch } from "./http-exchange.ts";
import type { TlsSettings } from "./tls-files.ts";

export interface HttpServerOptions {
  /** Name or address, as in the URL. */
  readonly host: string;
  /** Numeric address; default: the host. */
  readonly address?: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Path of a Unix socket to listen on instead of an address; absent or null = none. */
  readonly socketPath?: string | null;
  /** Absent or null = plain HTTP. */
  readonly tls?: TlsSettings | null;
  /** Largest body that the app accepts, bytes. */
  readonly maxBodyBytes: number;
  readonly fetch: Fetch;
  readonly deadlines?: Deadlines;
}

export interface HttpServer {
  readonly url: string;
  /** 0 = none, for a Unix socket. */
  readonly port: number;
  /** Stops accepting. Resolves when open responses have ended, or at once with `force`. */
  stop(force: boolean): Promise<void>;
}

/** Limits on how long a connection may keep the server waiting, ms. None applies while a response is computed. */
export interface Deadlines {
  /**
   * Until a request's headers are complete, from the start of a new connection, otherwise from the first byte.
   */
  readonly headersMs: number;
  /** Until the body is also complete. For unread bodies; the app itself refuses a body after 60 s. */
  readonly requestMs: number;
  /** From a response to the next request. */
  readonly idleMs: number;
  /** Longest time that a client reads nothing of what is written to it. */
  readonly writeStallMs: number;
}
