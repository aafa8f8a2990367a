// Interface of an HTTP server, for Bun and Deno.

import type { TlsSettings } from "./tls-files.ts";

export type Fetch = (request: Request) => Response | Promise<Response>;

export interface HttpServerOptions {
  /** Name or address, as in the URL. */
  readonly host: string;
  /** Numeric address. Default: the host. */
  readonly address?: string;
  /** 0 = any free port. */
  readonly port: number;
  /** Path of a Unix socket to listen on instead of an address; absent or null = none. */
  readonly socketPath?: string | null;
  /** Absent or null = plain HTTP. */
  readonly tls?: TlsSettings | null;
  /** Maximum size of a body that the app accepts, bytes. */
  readonly maxBodyBytes: number;
  readonly fetch: Fetch;
  /** Called when a response begins. Not called on Deno. */
  readonly onAnswer?: (access: Access) => void;
  readonly deadlines?: Deadlines;
}

/** A request and the status of its response, for the access log. */
export interface Access {
  /** Address and port; "" for a Unix socket. */
  readonly client: string;
  readonly method: string;
  /** Target in the request line: a path with a query, or an absolute URL. */
  readonly target: string;
  /** E.g. "1.1". */
  readonly httpVersion: string;
  readonly status: number;
}

export interface HttpServer {
  readonly url: string;
  /** Port; 0 for a Unix socket. */
  readonly port: number;
  /** Stops accepting connections. Resolves when open responses have ended; `force` ends them immediately. */
  stop(force: boolean): Promise<void>;
}

/** Limits on how long a connection can keep the server waiting, ms. None applies while a response is computed. */
export interface Deadlines {
  /**
   * Time until a request's headers are complete, from the start of a new connection or from the request's first
   * byte.
   */
  readonly headersMs: number;
  /** Time until the body is complete too. Applies to unread bodies; the app itself refuses a body after 60 s. */
  readonly requestMs: number;
  /** Time from a response to the next request. */
  readonly idleMs: number;
  /** Maximum time that a client can leave all data unread. */
  readonly writeStallMs: number;
}
