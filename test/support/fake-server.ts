// A server with the fake model, on a free port.

import { listen } from "../../src/runtime/http-server.ts";
import { DEFAULT_LIMITS, type ServerContext } from "../../src/server/server-context.ts";
import { type FakeEngineOptions, makeApp } from "./fake-engine.ts";

export async function startFakeServer(
  options: FakeEngineOptions = {},
  context: Partial<ServerContext> = {},
) {
  const parts = makeApp(options, context);
  const { maxBodyBytes } = DEFAULT_LIMITS;
  const server = await listen({ host: "127.0.0.1", port: 0, maxBodyBytes, fetch: parts.app.fetch });
  const stop = async () => {
    await server.stop(true);
    await parts.client.shutdown();
  };
  return { ...parts, url: server.url, stop };
}
