// X-Request-Id in responses, which is sent only with its option.

import { expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const { app } = makeApp({}, { sendsRequestIds: true });
const idOf = async (path: string, headers: Record<string, string> = {}) => {
  const response = await app.handle(new Request(`http://localhost${path}`, { headers }));
  return response.headers.get("x-request-id");
};

test("every response repeats the request's ID", async () => {
  for (const path of ["/health", "/v1/models", "/v1/nothing", "/v1/chat/completions"]) {
    expect([path, await idOf(path, { "x-request-id": "abc" })]).toEqual([path, "abc"]);
  }
});

test("a request without an ID gets a random one", async () => {
  expect(await idOf("/health")).toMatch(/^[0-9a-f]{32}$/);
  expect(await idOf("/health")).not.toBe(await idOf("/health"));
});

test("responses have no ID without the option", async () => {
  const request = new Request("http://localhost/health", { headers: { "x-request-id": "abc" } });
  expect((await makeApp().app.handle(request)).headers.get("x-request-id")).toBeNull();
});
