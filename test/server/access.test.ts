// Access control: the API key, the Host check, and URLs that could bypass either.

import { describe, expect, test } from "bun:test";
import type { ListenAddress } from "../../src/host-name.ts";
import { listen } from "../../src/runtime/http-server.ts";
import { listenAddress, urlOf } from "../../src/runtime/listen-address.ts";
import { hostCheck, isReachable } from "../../src/server/host-check.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";
import { RawClient } from "../support/raw-client.ts";

const at = (address: string) => ({ host: address, address });

const KEYS = ["one", "two", "with a space"];

/** Returns a function that sends a request, by default without a key, and returns its status. */
function asker(context: Partial<ServerContext>) {
  const { app } = makeApp({}, context);
  return async (url: string, init: RequestInit = {}) =>
    (await app.handle(new Request(url, init))).status;
}

describe("the API key", () => {
  const ask = asker({ apiKeys: KEYS });
  const keyed = (authorization: string) =>
    ask("http://localhost/v1/models", { headers: { authorization } });

  test("can be any of the configured keys, sent as a bearer token", async () => {
    expect(await keyed("Bearer two")).toBe(200);
    expect(await keyed("bearer one")).toBe(200);
    expect(await keyed("BEARER   two")).toBe(200);
    expect(await keyed("Bearer with a space")).toBe(200);
    for (const wrong of ["Bearer one more", "Bearer three", "Bearer ", "Basic one", "one", ""]) {
      expect([wrong, await keyed(wrong)]).toEqual([wrong, 401]);
    }
  });

  test("can have non-ASCII letters, sent as UTF-8 or as Latin-1", async () => {
    const accented = asker({ apiKeys: ["cl\u00e9"] });
    for (const [authorization, status] of [
      ["Bearer cl\u00e9", 200],
      ["Bearer cl\u00c3\u00a9", 200],
      ["Bearer cl\u00e8", 401],
    ] as const) {
      const init = { headers: { authorization } };
      expect([authorization, await accented("http://localhost/v1/models", init)]).toEqual([
        authorization,
        status,
      ]);
    }
  });

  test("is requested with the Bearer scheme", async () => {
    const { app } = makeApp({}, { apiKeys: KEYS });
    const response = await app.handle(new Request("http://localhost/v1/models"));
    expect(response.headers.get("www-authenticate")).toBe("Bearer");
  });

  test("is required on every path except those for probes and Prometheus", async () => {
    for (const path of ["/", "/health", "/ping", "/version", "/metrics", "/metrics/"]) {
      expect([path, await ask(`http://localhost${path}`)]).toEqual([path, 200]);
    }
    for (const [method, path] of [
      ["POST", "/v1/completions"],
      ["POST", "/v1/chat/completions"],
      ["GET", "/v1/models"],
      ["POST", "/tokenize"],
      ["POST", "/detokenize"],
      ["POST", "/v1/sleep"],
      ["GET", "/healthy"],
      ["GET", "/health/"],
      ["GET", "/nowhere"],
    ] as const) {
      expect([path, await ask(`http://localhost${path}`, { method })]).toEqual([path, 401]);
    }
  });

  test("is not required for a preflight, since browsers send none", async () => {
    const headers = { origin: "http://a.example", "access-control-request-method": "GET" };
    const preflight = { method: "OPTIONS", headers };
    expect(await ask("http://localhost/v1/models", preflight)).toBe(200);
    expect(await ask("http://localhost/v1/models", { method: "OPTIONS" })).toBe(401);
  });

  test('guards only /v1 and operator routes with the scope "vllm"', async () => {
    const vllm = asker({ apiKeys: KEYS, apiKeyScope: "vllm", isDevMode: true });
    const post = { method: "POST" };
    expect(await vllm("http://localhost/tokenize", post)).toBe(400);
    expect(await vllm("http://localhost/nowhere")).toBe(404);
    expect(await vllm("http://localhost/v1/models")).toBe(401);
    expect(await vllm("http://localhost/reset_prefix_cache", post)).toBe(401);
  });

  test("cannot be bypassed by a Host or a path that can be parsed in two ways", async () => {
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

describe("the Host check", () => {
  const status = (listensOn: ListenAddress, listed: readonly string[], host: string) =>
    asker({ hosts: hostCheck(listensOn, listed) })(`http://${host}/version`);

  test.each([
    "127.0.0.1",
    "127.1",
    "127.8.9.10",
    "2130706433",
    "localhost",
    "LocalHost.",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "[::ffff:7f00:1]",
  ])("accepts only loopback names if the server listens on %s", async (given) => {
    const listensOn = await listenAddress(given);
    expect(isReachable(listensOn)).toBe(false);
    for (const host of [
      "localhost",
      "LOCALHOST.",
      "127.0.0.1:8000",
      "127.1.2.3",
      "[::1]:8000",
      "[::ffff:127.0.0.1]",
      "a.localhost",
      "a.b.localhost",
    ]) {
      expect([host, await status(listensOn, [], host)]).toEqual([host, 200]);
    }
    for (const host of [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "evil.example.:8000",
      "0.0.0.0",
      "[::]",
      "[::2]",
      "[::ffff:10.0.0.1]",
      "128.0.0.1",
    ]) {
      expect([host, await status(listensOn, [], host)]).toEqual([host, 403]);
    }
  });

  test.each([
    "0.0.0.0",
    "0",
    "::",
    "[::]",
    "0:0::0",
    "10.0.0.1",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
  ])("accepts any host if the server listens on a network address: %s", async (given) => {
    const listensOn = await listenAddress(given);
    expect(isReachable(listensOn)).toBe(true);
    expect(await status(listensOn, [], "anything.example")).toBe(200);
  });

  test("accepts the name that the server listens on, no matter which address it resolves to", async () => {
    const listensOn = { host: "Box.lan.", address: "127.0.1.1" };
    expect(isReachable(listensOn)).toBe(false);
    expect(await status(listensOn, [], "box.lan:8000")).toBe(200);
    expect(await status(listensOn, [], "other.lan")).toBe(403);
  });

  test("accepts listed hosts in any notation", async () => {
    const listed = [
      "Model.example.",
      "api.example:8443",
      "[FD00:0:0::7]",
      "fd00::8",
      "10.0.0.1:80",
    ];
    for (const listensOn of [at("127.0.0.1"), at("0.0.0.0")]) {
      for (const host of [
        "model.example:8443",
        "API.example",
        "[fd00::7]:1",
        "[fd00:0::8]",
        "10.0.0.1",
      ]) {
        expect([host, await status(listensOn, listed, host)]).toEqual([host, 200]);
      }
      expect(await status(listensOn, listed, "other.example")).toBe(403);
    }
    expect(await status(at("0.0.0.0"), listed, "0.0.0.0")).toBe(403);
    expect(await status(at("127.0.0.1"), ["*"], "other.example")).toBe(200);
  });

  test.each([
    ["a.lan.example", true],
    ["a.b.LAN.example:80", true],
    ["lan.example", false],
    ["evil-lan.example", false],
    ["lan.example.evil", false],
  ])('"*.lan.example" in the list admits %p: %p', (host, isAdmitted) => {
    expect(hostCheck(at("0.0.0.0"), ["*.lan.example"])?.allows(host)).toBe(isAdmitted);
  });

  test.each(["http://a.example", "a.example/", "a b", "", "[::1", "me@a.example", "a:b:c"])(
    "rejects the list entry %p, which is not a host",
    (listed) => {
      const message = `allowedHosts: ${JSON.stringify(listed)} is not a host`;
      expect(() => hostCheck(at("127.0.0.1"), [listed])).toThrow(message);
    },
  );

  test("reports the rejected Host and the option that allows it", async () => {
    const { app } = makeApp({}, { hosts: hostCheck(at("127.0.0.1"), []) });
    const response = await app.handle(new Request("http://evil.example/v1/models"));
    expect(await response.json()).toEqual({
      detail: 'The host "evil.example" is not allowed; add it to --allowed-hosts',
    });
  });
});

describe("the address to listen on", () => {
  test("can be a host name or an IP address; anything else makes startup fail", async () => {
    for (const host of ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"])
      await expect(listenAddress(host)).rejects.toThrow(
        `cannot listen on ${host}: the host must not include a port; set it with --port`,
      );
    await expect(listenAddress("*")).rejects.toThrow(
      "cannot listen on *: all addresses are 0.0.0.0, or :: with IPv6",
    );
    expect(await listenAddress("localhost")).toEqual({ host: "localhost", address: "127.0.0.1" });
    expect(await listenAddress("[::1]")).toEqual({ host: "[::1]", address: "::1" });
    expect(await listenAddress("127.1")).toEqual({ host: "127.1", address: "127.0.0.1" });
    for (const host of ["no-such-host.invalid", "", "a b", "[::1"]) {
      await expect(listenAddress(host)).rejects.toThrow(`cannot listen on ${host}: the name has`);
    }
  });

  test.each([
    ["127.0.0.1", "http://127.0.0.1:80"],
    ["127.1", "http://127.0.0.1:80"],
    ["::1", "http://[::1]:80"],
    ["[0::1]", "http://[::1]:80"],
    ["LocalHost.", "http://localhost:80"],
    ["0.0.0.0", "http://127.0.0.1:80"],
    ["::", "http://[::1]:80"],
  ])("has a URL that this machine can reach: %s", (host, url) => {
    expect(urlOf(host, 80)).toBe(url);
  });

  test.each([
    "127.0.0.1",
    "127.1",
    "localhost",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "0.0.0.0",
    "::",
  ])("serves the URL that is displayed: %s", async (host) => {
    const listensOn = await listenAddress(host);
    const { app } = makeApp({}, { hosts: hostCheck(listensOn, ["model.example"]) });
    const { fetch: answer } = app;
    const server = await listen({ ...listensOn, port: 0, maxBodyBytes: 1000, fetch: answer });
    expect((await fetch(`${server.url}/version`)).status).toBe(200);
    await server.stop(true);
  });
});

describe("the Host check over a socket", () => {
  const ask = async (listensOn: string, text: string) => {
    const { app } = makeApp({}, { hosts: hostCheck(at(listensOn), []) });
    const server = await listen({ host: listensOn, port: 0, maxBodyBytes: 1000, fetch: app.fetch });
    const client = await RawClient.connect(server.url);
    client.send(text);
    const [answer] = await client.answers(1);
    client.close();
    await server.stop(true);
    return answer?.status;
  };

  test.each(["127.0.0.1", "0.0.0.0"])(
    "is skipped for HTTP/1.0 if the server listens on %s",
    async (listensOn) => {
      expect(await ask(listensOn, "GET /health HTTP/1.0\r\n\r\n")).toBe(200);
      expect(await ask(listensOn, "GET /health HTTP/1.1\r\n\r\n")).toBe(400);
    },
  );

  test("rejects a duplicate or invalid Host", async () => {
    for (const head of [
      "Host: localhost\r\nHost: localhost",
      "Host: localhost\r\nHost: evil.example",
      "Host: evil.example\r\nHOST: localhost",
      "Host:",
      "Host: a b",
      "Host: localhost:x",
      "Host: localhost@evil.example",
      "Host: evil.example#",
      "Host: localhost, evil.example",
    ]) {
      const status = await ask("127.0.0.1", `GET /version HTTP/1.1\r\n${head}\r\n\r\n`);
      expect([head, status]).toEqual([head, 400]);
    }
  });

  test("prefers the host in the request line to the Host header", async () => {
    const head = "\r\nHost: localhost\r\n\r\n";
    expect(await ask("127.0.0.1", `GET http://evil.example/version HTTP/1.1${head}`)).toBe(403);
    expect(await ask("127.0.0.1", `GET http://localhost:80/version HTTP/1.1${head}`)).toBe(200);
    expect(await ask("127.0.0.1", `GET HTTPS://[::1]?a=b HTTP/1.1${head}`)).toBe(200);
    expect(await ask("127.0.0.1", `GET http:///version HTTP/1.1${head}`)).toBe(400);
    expect(await ask("127.0.0.1", `GET ftp://localhost/ HTTP/1.1${head}`)).toBe(400);
    const other = "\r\nHost: evil.example\r\n\r\n";
    expect(await ask("127.0.0.1", `GET http://localhost/version HTTP/1.1${other}`)).toBe(200);
  });
});
