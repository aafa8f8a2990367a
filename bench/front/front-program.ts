// Runs the front end of `serve` on top of the stub engine, in a separate process. Reports its URL
// to the parent process and, on request, its event-loop lag.

import { serveLimits } from "../../src/cli/limits.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { createFront, type MeasuredFrontOptions } from "../../src/front/measured-front.ts";
import { SupervisedEngine } from "../../src/process/supervised-engine.ts";
import { startChild } from "../../src/runtime/child-process.ts";
import { listen } from "../../src/runtime/http-server.ts";
import { printErrorLine } from "../../src/runtime/terminal.ts";
import type { ContextOptions } from "../../src/server/context-options.ts";
import { createService } from "../../src/server/service.ts";
import { LoopLag } from "./loop-lag.ts";
import { STUB_ENGINE, type StubOptions, stubConfig } from "./stub-engine.ts";

export const FRONT_PROGRAM = [process.execPath, import.meta.path];

/** @param words command-line options for `serve`; engine options have no effect */
function frontOptions(words: readonly string[]): MeasuredFrontOptions & ContextOptions {
  const options = parseOptions("serve", { argv: words, env: {}, readYaml: () => ({}) }, () => {});
  const log = printErrorLine;
  return {
    ...serveLimits(options, log),
    ...{ modelNames: ["stub"], modelRoot: "stub", apiKeys: options["api-key"] },
    ...{ isDevMode: false, showHiddenFor: null, requestLog: null },
    ...{ createdSeries: true, features: new Set(["log-stats"] as const), listeners: [] },
    log,
  };
}

async function serveStub(stub: StubOptions, words: readonly string[]): Promise<string> {
  const client = await SupervisedEngine.start({
    config: stubConfig(stub),
    host: { onLoadProgress: () => {}, log: printErrorLine },
    startProcess: () => startChild(STUB_ENGINE),
    ...{ maxDeaths: 1, stepTimeoutMs: 60_000 },
  });
  const options = frontOptions(words);
  const { fetch, maxBodyBytes } = createService(createFront(client, options), options);
  return (await listen({ host: "127.0.0.1", port: 0, maxBodyBytes, fetch })).url;
}

if (import.meta.main) {
  const [stub = "", ...words] = process.argv.slice(2);
  const url = await serveStub(JSON.parse(stub) as StubOptions, words);
  let lag = new LoopLag();
  process.on("message", () => {
    process.send?.({ lag: lag.take(), residentBytes: process.memoryUsage.rss() });
    lag = new LoopLag();
  });
  process.on("disconnect", () => process.exit(0));
  process.send?.({ url });
}
