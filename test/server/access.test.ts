// Who gets in: the key, the Host, and the paths that a Host could make look like others.

import { describe, expect, test } from "bun:test";
import { hostCheck } from "../../src/server/host-check.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";

const KEYS = ["one", "two", "with a space"];

/** The status of a request, by default without a key. */
function asker(context: Partial<ServerContext>) {
  const { app } = makeApp({}, context);
  return async (url: string, init: RequestInit = {}) =>
    (await app.handle(new Request(url, init))).status;
}

describe("the API key", () => {
  const ask = asker({ apiKeys: KEYS });
  const keyed = (authorization: string) =>
    ask("http://localhost/v1/models", { headers: { authorization } });

  test("is any of several, as bearer token", async () => {
    expect(await keyed("Bearer two")).toBe(200);
    expect(await keyed("bearer one")).toBe(200);
    expect(await keyed("Bearer with a space")).toBe(200);
    for (const wrong of ["Bearer one more", "Bearer three", "Bearer ", "Basic one", "one", ""]) {
      expect([wrong, await keyed(wrong)]).toEqual([wrong, 401]);
    }
  });

  test("is needed on every path but those for probes and Prometheus", async () => {
    for (const path of ["/health", "/ping", "/version", "/metrics", "/metrics/"]) {
      expect([path, await ask(`http://localhost${path}`)]).toEqual([path, 200]);
    }
    for (const [method, path] of [
      ["POST", "/v1/completions"],
      ["POST", "/v1/chat/completions"],
      ["GET", "/v1/models"],
      ["POST", "/tokenize"],
      ["POST", "/detokenize"],
      ["POST", "/v1/sleep"],
      ["GET", "/"],
      ["GET", "/healthy"],
      ["GET", "/health/"],
      ["GET", "/nowhere"],
    ] as const) {
      expect([path, await ask(`http://localhost${path}`, { method })]).toEqual([path, 401]);
    }
  });

  test("is not asked of a preflight, which carries none", async () => {
    const headers = { origin: "http://a.example", "access-control-request-method": "GET" };
    const preflight = { method: "OPTIONS", headers };
    expect(await ask("http://localhost/v1/models", preflight)).toBe(200);
    expect(await ask("http://localhost/v1/models", { method: "OPTIONS" })).toBe(401);
  });

  test("guards /v1 and the operations alone in vLLM's scope", async () => {
    const vllm = asker({ apiKeys: KEYS, apiKeyScope: "vllm", isDevMode: true });
    const post = { method: "POST" };
    expect(await vllm("http://localhost/tokenize", post)).toBe(400);
    expect(await vllm("http://localhost/nowhere")).toBe(404);
    expect(await vllm("http://localhost/v1/models")).toBe(401);
    expect(await vllm("http://localhost/reset_prefix_cache", post)).toBe(401);
  });

  test("cannot be walked around by a Host or a path that is read in two ways", async () => {
    for (const url of [
      "http://a/x/v1/models",
      "http://abc//v1/models",
      "http://a/v1/models?x=/health",
      "http://a/x/../v1/models",
      "http://a/health/../v1/models",
      "http://a/%76%31/models",
      "http://a/health?/../v1/models#/health",
      "http://a/health%2f..%2fv1/models",
      "http://health/v1/models",
    ]) {
      const expected = url.startsWith("http://a/health?") ? 200 : 401;
      expect([url, await ask(url)]).toEqual([url, expected]);
    }
  });
});

describe("the Host", () => {
  const status = (listensOn: string, listed: readonly string[], host: string) =>
    asker({ hosts: hostCheck(listensOn, listed) })(`http://${host}/version`);

  test("is one of loopback's names where the server listens there", async () => {
    for (const listensOn of ["127.0.0.1", "localhost", "::1"]) {
      for (const host of [
        "localhost",
        "127.0.0.1:8000",
        "127.1.2.3",
        "[::1]:8000",
        "a.localhost",
      ]) {
        expect([host, await status(listensOn, [], host)]).toEqual([host, 200]);
      }
      for (const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example"]) {
        expect([host, await status(listensOn, [], host)]).toEqual([host, 403]);
      }
    }
  });

  test("is any where the server listens to the network", async () => {
    expect(await status("0.0.0.0", [], "anything.example")).toBe(200);
  });

  test("may be listed, whatever the case and the port", async () => {
    const listed = ["Model.example"];
    for (const listensOn of ["127.0.0.1", "0.0.0.0"]) {
      expect(await status(listensOn, listed, "model.example:8443")).toBe(200);
      expect(await status(listensOn, listed, "other.example")).toBe(403);
    }
    expect(await status("127.0.0.1", ["*"], "other.example")).toBe(200);
  });

  test("is named in the refusal, with the option that helps", async () => {
    const { app } = makeApp({}, { hosts: hostCheck("127.0.0.1", []) });
    const response = await app.handle(new Request("http://evil.example/v1/models"));
    expect(await response.json()).toEqual({
      detail: 'The host "evil.example" is not served here; --allowed-hosts lists further ones',
    });
  });
});
