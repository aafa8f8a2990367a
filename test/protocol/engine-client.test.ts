// Runs the conformance suite for an engine in this process, in a child process, and under supervision.

import { expect, test } from "bun:test";
import { EngineLife } from "../../src/process/engine-life.ts";
import { SupervisedEngine } from "../../src/process/supervised-engine.ts";
import { startChild } from "../../src/runtime/child-process.ts";
import { describeEngineClient, engineRequest } from "../support/engine-client.conformance.ts";
import { makeEngine } from "../support/fake-engine.ts";
import { FAKE_CHILD, fakeConfig } from "../support/fake-engine-child.ts";

const host = { onLoadProgress: () => {}, log: () => {} };
const startProcess = () => startChild(FAKE_CHILD);

describeEngineClient("an engine in this process", async () => {
  const { client } = makeEngine();
  return { client, close: () => client.shutdown() };
});

async function openChild() {
  const life = new EngineLife(startProcess(), fakeConfig(), host, null);
  const client = await life.ready;
  const close = async () => {
    life.kill();
    await life.ended;
  };
  return { client, close };
}

describeEngineClient("an engine in a child", openChild);

test("a child is not expected to send a step or reply after it rejects a request", async () => {
  const { client, close } = await openChild();
  const refused = client.add(engineRequest("a", "")).catch((error: Error) => error);
  expect([client.steps.isDue, client.answers.isDue]).toEqual([true, true]);
  expect(await refused).toMatchObject({ code: "invalid_value" });
  expect([client.steps.isDue, client.answers.isDue]).toEqual([false, false]);
  await close();
});

describeEngineClient("a supervised engine", async () => {
  const options = { config: fakeConfig(), host, startProcess, maxDeaths: 5, stepTimeoutMs: null };
  const client = await SupervisedEngine.start(options);
  return { client, close: () => client.shutdown() };
});
