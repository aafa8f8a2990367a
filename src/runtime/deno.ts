// The listener on Deno. Everything else that the library needs from the system exists in both runtimes.

import type { HttpServer, HttpServerOptions } from "./http-types.ts";
import { urlOf } from "./listen-address.ts";

/** Part of Deno's API that Pagoda uses. */
interface DenoApi {
  serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
    },
    fetch: (request: Request) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly hostname: string; readonly port: number };
    readonly finished: Promise<void>;
    shutdown(): Promise<void>;
  };
}

/** @returns null in any other runtime */
export function denoApi(): DenoApi | null {
  return (globalThis as { Deno?: DenoApi }).Deno ?? null;
}

/**
 * Listens on Deno, which frames requests as RFC 9112 requires. Sets no deadlines, and no body limit other
 * than the app's.
 */
export function listenInDeno(deno: DenoApi, options: HttpServerOptions): HttpServer {
  const { host, address: hostname = host, port } = options;
  const force = new AbortController();
  const server = deno.serve(
    // By default, Deno prints the address.
    { hostname, port, signal: force.signal, onListen: () => {} },
    options.fetch,
  );
  let isFinished = false;
  const finished = server.finished.then(() => {
    isFinished = true;
  });
  const { addr } = server;
  return {
    url: urlOf(host, addr.port),
    port: addr.port,
    stop: async (isForced) => {
      // Deno throws if the signal aborts after the server has finished.
      if (isForced && !isFinished) force.abort();
      if (!isForced) await server.shutdown();
      await finished;
    },
  };
}
