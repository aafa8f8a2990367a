// Ways to listen other than plain HTTP on a TCP port: a Unix socket, TLS, a path prefix, and mounting in
// another server.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../../src/errors.ts";
import { listen } from "../../src/runtime/http-server.ts";
import type { Access, HttpServer } from "../../src/runtime/http-types.ts";
import { readTls, type TlsFiles } from "../../src/runtime/tls-files.ts";
import { hostCheck } from "../../src/server/host-check.ts";
import { KEY_PASSWORD, makeCertificates } from "../support/certificates.ts";
import { makeApp } from "../support/fake-engine.ts";
import { answersOf, getText, postText, RawClient } from "../support/raw-client.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
afterAll(() => folder.remove());

const { app } = makeApp({ model: { stepDelayMs: 2 } });
const start = (options: Partial<Parameters<typeof listen>[0]>) =>
  listen({ host: "127.0.0.1", port: 0, maxBodyBytes: 10_000, fetch: app.fetch, ...options });

describe("a Unix socket", () => {
  const path = join(folder.path, "s.sock");
  const health = () => fetch("http://localhost/health", { unix: path });

  test("accepts any Host, and is removed when the server stops", async () => {
    const server = await start({ socketPath: path });
    expect([server.url, server.port]).toEqual(["http://localhost", 0]);
    const client = await RawClient.connect(path);
    client.send(getText("/version").replace("localhost", "anything.example"));
    client.send(postText("/v1/completions", { prompt: "a", max_tokens: 3, stream: true }));
    const answers = await client.answers(2);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers[1]?.body).toEndWith("[DONE]\n\n");
    client.close();
    await server.stop(true);
    expect(existsSync(path)).toBe(false);
  });

  test("has the permissions of the umask", async () => {
    const before = process.umask(0o077);
    const server = await start({ socketPath: path });
    process.umask(before);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    await server.stop(true);
  });

  test("in use by a running server is not taken over", async () => {
    const server = await start({ socketPath: path });
    const message = `${path} is in use; stop the other server or choose --uds`;
    await expect(start({ socketPath: path })).rejects.toThrow(message);
    expect((await health()).status).toBe(200);
    await server.stop(true);
  });

  test("left behind by a killed server is taken over", async () => {
    const killed = Bun.spawn(
      [
        process.execPath,
        "-e",
        `Bun.listen({ unix: ${JSON.stringify(path)}, socket: { data() {} } }); console.log("on")`,
      ],
      { stdout: "pipe" },
    );
    await killed.stdout.getReader().read();
    killed.kill("SIGKILL");
    await killed.exited;
    expect(statSync(path).isSocket()).toBe(true);
    const server = await start({ socketPath: path });
    expect((await health()).status).toBe(200);
    await server.stop(true);
  });

  test("that another server has replaced is not removed by the first server", async () => {
    const first = await start({ socketPath: path });
    unlinkSync(path);
    const second = await start({ socketPath: path });
    const id = statSync(path).ino;
    await first.stop(false);
    await first.stop(true);
    expect(statSync(path).ino).toBe(id);
    expect((await health()).status).toBe(200);
    await second.stop(true);
    expect(existsSync(path)).toBe(false);
    expect(readdirSync(folder.path).filter((name) => name.startsWith("s.sock"))).toEqual([]);
  });

  test.each([
    ["a file", () => writeFileSync(path, "text"), () => readFileSync(path, "utf8") === "text"],
    ["a folder", () => mkdirSync(path), () => statSync(path).isDirectory()],
    ["a link", () => symlinkSync("none", path), () => readlinkSync(path) === "none"],
    ["nothing", () => {}, () => !existsSync(path)],
  ])("that was replaced by %s leaves the replacement in place", async (_, replace, isThere) => {
    const server = await start({ socketPath: path });
    unlinkSync(path);
    replace();
    await server.stop(true);
    expect(isThere()).toBe(true);
    rmSync(path, { force: true, recursive: true });
  });

  test.each([
    ["that was not replaced is removed", "", false],
    [
      "that was replaced by a file is not removed",
      'unlinkSync(path); writeFileSync(path, "text");',
      true,
    ],
  ])("%s when the process exits", (_, replace, isLeft) => {
    const program = `
      import { unlinkSync, writeFileSync } from "node:fs";
      import { listen } from ${JSON.stringify(join(import.meta.dir, "../../src/runtime/http-server.ts"))};
      const path = ${JSON.stringify(path)};
      const options = { host: "127.0.0.1", port: 0, maxBodyBytes: 0, fetch: () => new Response() };
      await listen({ ...options, socketPath: path });
      ${replace}
      process.exit(0);`;
    expect(Bun.spawnSync([process.execPath, "-e", program]).exitCode).toBe(0);
    expect(existsSync(path)).toBe(isLeft);
    rmSync(path, { force: true });
  });

  test("is not created over a file or in a missing folder", async () => {
    const file = join(folder.path, "precious");
    writeFileSync(file, "text");
    for (const [bad, fault] of [
      [file, "it is a file, not a socket"],
      [folder.path, "it is a folder"],
      [join(folder.path, "none", "s.sock"), "no such file or directory"],
      [join(file, "s.sock"), "not a directory"],
      [join(folder.path, "x".repeat(200)), "name too long"],
    ] as const) {
      const message = `cannot listen on ${bad}: ${fault}`;
      await expect(start({ socketPath: bad })).rejects.toThrow(
        new ConfigError("cannot_listen", message),
      );
    }
    expect(readFileSync(file, "utf8")).toBe("text");
  });

  test("requires a path, without which the system would create an unreachable socket", async () => {
    const message = "cannot listen on a Unix socket: its path is empty";
    await expect(start({ socketPath: "" })).rejects.toThrow(message);
  });
});

describe("a listener for responses", () => {
  /** Accesses logged for one connection that sends these bytes. */
  async function accessesOf(text: string, options: Partial<Parameters<typeof listen>[0]> = {}) {
    const accesses: Access[] = [];
    const onAnswer = (access: Access) => accesses.push(access);
    const server = await start({ ...options, onAnswer });
    const client = await RawClient.connect(options.socketPath ?? `http://127.0.0.1:${server.port}`);
    client.send(text);
    await client.answers(text.split("HTTP/1.").length - 1);
    const port = client.socket.localPort;
    client.close();
    await server.stop(true);
    return { accesses, client: `127.0.0.1:${port}` };
  }

  test("gets each request with its response's status", async () => {
    const stream = { prompt: "a", max_tokens: 3, stream: true };
    const { accesses, client } = await accessesOf(
      getText("/version?a=b") +
        postText("/v1/completions", stream) +
        postText("/v1/completions", {}) +
        "HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n" +
        "GET /none HTTP/1.0\r\n\r\n",
    );
    expect(accesses).toEqual([
      { client, method: "GET", target: "/version?a=b", httpVersion: "1.1", status: 200 },
      { client, method: "POST", target: "/v1/completions", httpVersion: "1.1", status: 200 },
      { client, method: "POST", target: "/v1/completions", httpVersion: "1.1", status: 400 },
      { client, method: "HEAD", target: "/health", httpVersion: "1.1", status: 200 },
      { client, method: "GET", target: "/none", httpVersion: "1.0", status: 404 },
    ]);
  });

  test("gets requests that do not reach the app and requests that fail in the app", async () => {
    const two = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    expect((await accessesOf(two)).accesses).toMatchObject([{ target: "/", status: 400 }]);
    const failing = {
      fetch: () => {
        throw new Error("a fault");
      },
    };
    expect((await accessesOf(getText("/"), failing)).accesses).toMatchObject([{ status: 500 }]);
  });

  test("gets the IPv4 addresses of an IPv6 listener's clients, and no address from a Unix socket", async () => {
    const all = await accessesOf(getText("/version"), { host: "::" });
    expect(all.accesses).toMatchObject([{ client: all.client }]);
    const socketPath = join(folder.path, "access.sock");
    const { accesses } = await accessesOf(getText("/version"), { socketPath });
    expect(accesses).toMatchObject([{ client: "", status: 200 }]);
  });
});

test("another machine's address is rejected with an explanation", async () => {
  const message = "cannot listen on 192.0.2.1:0: this machine has no such address";
  await expect(start({ host: "192.0.2.1" })).rejects.toThrow(
    new ConfigError("cannot_listen", message),
  );
});

describe("a path prefix", () => {
  const prefixed = makeApp({}, { rootPath: "/api/llm", apiKeys: ["secret"] }).app;
  const ask = (path: string, init: RequestInit = {}) =>
    prefixed.fetch(new Request(`http://localhost${path}`, init));
  const key = { headers: { authorization: "Bearer secret" } };

  test("can be present or absent, depending on the proxy", async () => {
    for (const path of ["/v1/models", "/api/llm/v1/models", "/api/llm/v1/models?a=/b"]) {
      expect([path, (await ask(path, key)).status]).toEqual([path, 200]);
    }
    expect((await ask("/api/llm/health")).status).toBe(200);
  });

  test("matches only whole path segments", async () => {
    for (const path of [
      "/api/llmv1/models",
      "/api/v1/models",
      "/llm/v1/models",
      "/api/llm/api/llm/v1/models",
    ]) {
      expect([path, (await ask(path, key)).status]).toEqual([path, 404]);
    }
  });

  test("does not bypass the API key", async () => {
    for (const path of [
      "/v1/models",
      "/api/llm/v1/models",
      "/api/llm//v1/models",
      "/health/api/llm/v1/models",
    ]) {
      expect([path, (await ask(path)).status]).toEqual([path, 401]);
    }
  });

  test("is part of redirects", async () => {
    for (const path of ["/v1/models/?a=1", "/api/llm/v1/models/?a=1"]) {
      const response = await ask(path, key);
      expect([response.status, response.headers.get("location")]).toEqual([
        307,
        "/api/llm/v1/models?a=1",
      ]);
    }
  });

  test("preserves the request's body and abort signal", async () => {
    const leaving = new AbortController();
    const init = {
      method: "POST",
      headers: { ...key.headers, "content-type": "application/json" },
      body: '{"prompt":"a","max_tokens":2}',
      signal: leaving.signal,
    };
    expect((await ask("/api/llm/v1/completions", init)).status).toBe(200);
  });
});

describe("an app mounted in another server", () => {
  test("accepts HTTP/1.0 without a Host, and rejects an invalid Host", async () => {
    const checked = makeApp(
      {},
      { hosts: hostCheck({ host: "127.0.0.1", address: "127.0.0.1" }, []) },
    ).app;
    const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: checked.fetch });
    for (const [text, status] of [
      ["GET /health HTTP/1.0\r\n\r\n", 200],
      ["GET /health HTTP/1.0\r\nHost: evil.example\r\n\r\n", 403],
      ["GET /health HTTP/1.1\r\nHost: a/?x=\r\n\r\n", 400],
      ["GET /health HTTP/1.1\r\n\r\n", 400],
    ] as const) {
      const client = await RawClient.connect(server.url.origin);
      client.send(text);
      expect([text, (await client.answers(1))[0]?.status]).toEqual([text, status]);
      client.close();
    }
    await server.stop(true);
  });
});

const certificates = makeCertificates(folder.path);

describe.skipIf(certificates === null)("TLS", () => {
  const path = (name: string) => certificates?.path(name) ?? "";
  const files = (given: Partial<TlsFiles> = {}): TlsFiles => ({
    certfile: path("server.pem"),
    keyfile: path("server.key"),
    password: null,
    caCerts: null,
    certReqs: 0,
    ciphers: null,
    ...given,
  });
  const read = (name: string) => readFileSync(path(name), "utf8");
  const ca = () => read("ca.pem");
  const asked = (url: string, tls: object = {}) => fetch(url, { tls: { ca: ca(), ...tls } });
  let server: HttpServer;

  beforeAll(async () => {
    server = await start({ tls: readTls(files()) });
  });
  afterAll(() => server?.stop(true));

  test("is used if a certificate is configured, including for streams", async () => {
    expect(server.url).toStartWith("https://127.0.0.1:");
    const response = await fetch(`${server.url}/v1/completions`, {
      tls: { ca: ca() },
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"prompt":"a","max_tokens":5,"stream":true}',
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toEndWith("data: [DONE]\n\n");
    await expect(fetch(`${server.url}/health`)).rejects.toThrow();
  });

  test("closes a plaintext connection, and keeps serving others", async () => {
    const client = await RawClient.connect(server.url);
    client.send(getText("/health"));
    await client.all();
    expect([client.isClosed, answersOf(client.received)]).toEqual([true, []]);
    expect((await asked(`${server.url}/health`)).status).toBe(200);
  });

  test("does not affect host and API-key checks", async () => {
    const hosts = hostCheck({ host: "127.0.0.1", address: "127.0.0.1" }, []);
    const guarded = makeApp({}, { hosts, apiKeys: ["secret"] }).app;
    const own = await start({ tls: readTls(files()), fetch: guarded.fetch });
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${own.url}/v1/models`, { headers, tls: { ca: ca() } })).status;
    expect(await status({})).toBe(401);
    expect(await status({ authorization: "Bearer secret" })).toBe(200);
    expect(await status({ host: "evil.example" })).toBe(403);
    await own.stop(true);
  });

  test("accepts a private key in the certificate file, and one with a password", async () => {
    const both = path("both.pem");
    writeFileSync(both, read("server.pem") + read("server.key"));
    for (const given of [
      { certfile: both, keyfile: null },
      { keyfile: path("locked.key"), password: KEY_PASSWORD },
    ]) {
      const own = await start({ tls: readTls(files(given)) });
      expect((await asked(`${own.url}/health`)).status).toBe(200);
      await own.stop(true);
    }
  });

  test("can request client certificates, or require one from a given CA", async () => {
    const client = { cert: read("client.pem"), key: read("client.key") };
    const other = { cert: read("other.pem"), key: read("other.key") };
    const outcomes: Record<number, unknown[]> = {};
    for (const certReqs of [0, 1, 2]) {
      const own = await start({ tls: readTls(files({ certReqs, caCerts: path("ca.pem") })) });
      const statuses = [{}, client, other].map((tls) =>
        asked(`${own.url}/health`, tls).then(
          (response) => response.status,
          () => "refused",
        ),
      );
      outcomes[certReqs] = await Promise.all(statuses);
      await own.stop(true);
    }
    expect(outcomes).toEqual({
      0: [200, 200, 200],
      1: [200, 200, 200],
      2: ["refused", 200, "refused"],
    });
  });

  test("makes the home page show https URLs, with the requested prefix", async () => {
    const own = await start({
      tls: readTls(files()),
      fetch: makeApp({}, { rootPath: "/llm" }).app.fetch,
    });
    for (const prefix of ["", "/llm"]) {
      const page = await (await asked(`${own.url}${prefix}/`)).text();
      expect(page).toContain(`curl ${own.url}${prefix}/v1/chat/completions `);
    }
    await own.stop(true);
  });

  test("works over a Unix socket", async () => {
    const socketPath = join(folder.path, "tls.sock");
    const own = await start({ socketPath, tls: readTls(files()) });
    expect(own.url).toBe("https://localhost");
    const response = await fetch(`${own.url}/health`, { unix: socketPath, tls: { ca: ca() } });
    expect(response.status).toBe(200);
    await own.stop(true);
  });

  test.each([
    [{ certfile: "none" }, /^--ssl-certfile: cannot read .*none: no such file or directory$/],
    [{ keyfile: "none" }, /^--ssl-keyfile: cannot read .*none: no such file or directory$/],
    [{ caCerts: "none" }, /^--ssl-ca-certs: cannot read .*none: no such file or directory$/],
    [{ certfile: "server.key" }, /^--ssl-certfile: .*server.key has no certificate in PEM format$/],
    [{ keyfile: "server.pem" }, /^--ssl-keyfile: .*server.pem has no private key in PEM format$/],
    [{ keyfile: null }, /^--ssl-certfile: .*server.pem has no private key in PEM format$/],
    [{ keyfile: "other.key" }, /^--ssl-keyfile: .*other.key does not match .*server.pem$/],
    [
      { keyfile: "locked.key" },
      /^--ssl-keyfile: .*locked.key cannot be opened: --ssl-keyfile-password/,
    ],
    [{ keyfile: "locked.key", password: "x" }, /^--ssl-keyfile: .*locked.key cannot be opened/],
    [{ caCerts: "server.key" }, /^--ssl-ca-certs: .*server.key has no certificate in PEM format$/],
    [{ ciphers: "NO-SUCH" }, /^--ssl-ciphers: none of NO-SUCH is supported$/],
  ])("reports what is wrong with %p in one line", (given, message) => {
    const named = Object.fromEntries(
      Object.entries(given).map(([option, value]) => {
        const isName = option !== "password" && option !== "ciphers" && value !== null;
        return [option, isName ? path(value) : value];
      }),
    );
    const fault = (() => {
      try {
        readTls(files(named));
      } catch (error) {
        return error;
      }
    })() as ConfigError;
    expect(fault).toBeInstanceOf(ConfigError);
    expect([fault.code, fault.message]).toEqual(["invalid_option", expect.stringMatching(message)]);
    expect(fault.message).not.toContain("\n");
  });
});
