// Listening, with the settings that long answers need: an idle time-out that the app lifts while it
// computes, no shared port, a body limit.

import { ConfigError } from "../errors.ts";
import { denoApi, listenInDeno } from "./deno.ts";

export interface HttpServerOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** What the app accepts, bytes. */
  readonly maxBodyBytes: number;
  /** @param listener sets how long the request's connection may be silent */
  readonly fetch: (
    request: Request,
    listener: { timeout(request: Request, seconds: number): void },
  ) => Response | Promise<Response>;
}

/** Until the app says otherwise, at each request. Bun closes a new connection without a whole header earlier. */
const IDLE_TIMEOUT_S = 30;

export interface HttpServer {
  readonly url: string;
  readonly port: number;
  /** Stops accepting; resolves when open answers have ended, or at once with `force`. */
  stop(force: boolean): Promise<void>;
}

/** @throws ConfigError "address_in_use" or "cannot_listen" */
export function listen(options: HttpServerOptions): HttpServer {
  const { host, port } = options;
  const deno = denoApi();
  try {
    if (deno !== null) return listenInDeno(deno, options);
    const server = Bun.serve({
      hostname: host,
      port,
      idleTimeout: IDLE_TIMEOUT_S,
      // With a shared port a second server would silently take half of the requests.
      reusePort: false,
      // The app refuses too large a body with a proper answer and reads no further. Far beyond its
      // limit Bun cuts the connection, so that nobody sends without end.
      maxRequestBodySize: options.maxBodyBytes * 16,
      development: false,
      fetch: (request, bun) => options.fetch(request, bun),
    });
    return {
      url: server.url.href.replace(/\/$/, ""),
      port: server.port ?? port,
      stop: (force) => server.stop(force),
    };
  } catch (cause) {
    throw listenError(cause, host, port);
  }
}

function listenError(cause: unknown, host: string, port: number): ConfigError {
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  if (code === "EADDRINUSE") {
    const message = `${host}:${port} is in use; stop the other server or choose --port`;
    return new ConfigError("address_in_use", message, { cause });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConfigError("cannot_listen", `cannot listen on ${host}:${port}: ${reason}`, { cause });
}
