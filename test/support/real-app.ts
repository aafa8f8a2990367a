// An engine in this process with a real model file, and an app in front of it.

import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { startEngine } from "../../src/engine/start-engine.ts";
import { Front } from "../../src/front/front.ts";
import { createApp } from "../../src/server/app.ts";
import { makeContext } from "./fake-engine.ts";

const HOST = { availableBytes: 4e9, onLoadProgress: () => {}, log: () => {} };

/** @param argv options of `serve` */
export async function startRealApp(model: string, argv: readonly string[] = []) {
  const all = ["--kv-cache-memory-bytes=64M", ...argv];
  const options = parseOptions("serve", { argv: all, env: {}, readYaml: () => ({}) }, () => {});
  const client = await startEngine(engineConfig(options, model), HOST);
  const front = new Front(client);
  const app = createApp(makeContext(front));
  const post = (path: string, body: object): Promise<Response> =>
    app.handle(
      new Request(`http://localhost${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
  return { client, front, post, shutdown: () => client.shutdown() };
}

export type RealApp = Awaited<ReturnType<typeof startRealApp>>;
