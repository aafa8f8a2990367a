// What Deno gives in place of Bun: a listener. All else that the library needs of the system is in both.

import type { HttpServer, HttpServerOptions } from "./http-types.ts";
import { urlOf } from "./listen-address.ts";

/** As much of Deno's interface as is used. */
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

/** @returns null in another runtime */
export function denoApi(): DenoApi | null {
  return (globalThis as { Deno?: DenoApi }).Deno ?? null;
}

/**
 * Listens in Deno, which frames requests as RFC 9112 requires; no deadlines, no body limit besides the app's.
 */
export function listenInDeno(deno: DenoApi, options: HttpServerOptions): HttpServer {
  const { host, address: hostname = host, port } = options;
  const force = new AbortController();
  const server = deno.serve(
    // By default it prints where it listens.
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
      // Deno fails at an abort after the end.
      if (isForced && !isFinished) force.abort();
      if (!isForced) await server.shutdown();
      await finished;
    },
  };
}
