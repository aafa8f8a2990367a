// One suite over the engine in this process, in another one, and in another one that is looked after.

import { EngineRun } from "../../src/engine/engine-run.ts";
import { SupervisedEngine } from "../../src/engine/supervised-engine.ts";
import { startChild } from "../../src/runtime/child-process.ts";
import { describeEngineClient } from "../support/engine-client.conformance.ts";
import { makeEngine } from "../support/fake-engine.ts";
import { FAKE_CHILD, fakeConfig } from "../support/fake-engine-child.ts";

const host = { onLoadProgress: () => {}, log: () => {} };
const startProcess = () => startChild(FAKE_CHILD);

describeEngineClient("an engine in this process", async () => {
  const { client } = makeEngine();
  return { client, close: () => client.shutdown() };
});

describeEngineClient("an engine in a child", async () => {
  const run = new EngineRun(startProcess(), fakeConfig(), host, 0);
  const client = await run.ready;
  const close = async () => {
    run.kill();
    await run.ended;
  };
  return { client, close };
});

describeEngineClient("a supervised engine", async () => {
  const options = { config: fakeConfig(), host, startProcess, maxDeaths: 5, stepTimeoutMs: 0 };
  const client = await SupervisedEngine.start(options);
  return { client, close: () => client.shutdown() };
});
