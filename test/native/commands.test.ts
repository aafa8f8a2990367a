// Commands that run an engine with a tiny model or look for a running one.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCertificates } from "../support/certificates.ts";
import { runPagoda } from "../support/run-pagoda.ts";
import { afterShell, type ServerProcess, startServer } from "../support/server-process.ts";
import { TerminalProgram } from "../support/terminal-program.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const path = join(folder.path, "tiny.gguf");
let server: ServerProcess;

beforeAll(async () => {
  writeTinyGguf(path);
  const words = ["--served-model-name", "wanted", "--kv-cache-memory-bytes=1M"];
  server = await startServer([path, ...words, "--enable-sleep-mode", "--api-key", "secret"]);
});
afterAll(async () => {
  server.process.kill("SIGTERM");
  await server.process.exited;
  folder.remove();
});

describe("without a server", () => {
  const words = [path, "--kv-cache-memory-bytes", "1M"];

  test("chat does not report an answer stopped by Ctrl-C as ended by a server", async () => {
    const long = ["--max-model-len", "8192", "--allow-long-max-model-len"];
    const sizes = [...long, "--kv-cache-memory-bytes", "16M", "--extra-body.ignore_eos", "true"];
    const program = new TerminalProgram(["chat", path, ...sizes]);
    await program.until("> ");
    program.type("tell\r");
    await program.until("\r\n");
    await program.until("\n");
    program.type("\x03");
    await program.until("stopped");
    await program.until("> ");
    expect(program.text).not.toContain("the server has ended");
    program.type("/exit\r");
    expect(await program.exited).toBe(0);
  }, 20_000);

  test("chat and complete load the named model", async () => {
    const chat = await runPagoda(["chat", ...words, "--max-tokens", "4"], { stdin: "a\nb\n" });
    const cut = "the answer was cut off by --max-tokens or by the end of the model's context\n";
    expect(chat).toMatchObject({
      stderr: `loading tiny in this process\n${cut}${cut}`,
      exitCode: 0,
    });
    const complete = ["complete", "a", "--model", ...words, "--max-tokens=4"];
    expect(await runPagoda([...complete, "--extra-body.echo=true"])).toMatchObject({
      stdout: expect.stringMatching(/^a/),
      exitCode: 0,
    });
  }, 30_000);

  test("options that only affect a server cause a warning", async () => {
    const unused = ["--served-model-name", "x", "--model-name", "y"];
    const { stderr } = await runPagoda([
      "chat",
      ...words,
      "-q",
      "a",
      "--max-tokens",
      "1",
      ...unused,
    ]);
    for (const name of ["served-model-name", "model-name"])
      expect(stderr).toContain(`warning: --${name} has no effect: cannot reach a server at `);
  }, 30_000);

  test("an invalid option is reported before a model is loaded", async () => {
    const ran = await runPagoda(["chat", ...words, "-q", "a", "--chat-template", "nope.jinja"]);
    const reason = "cannot read nope.jinja: no such file or directory";
    expect(ran.stderr).toBe(`error: --chat-template: ${reason}\n`);
    expect(ran.exitCode).toBe(2);
  }, 30_000);

  test("an engine that refuses to start prints one line and sets the exit code", async () => {
    const long = ["--max-model-len", "9k"];
    const refused = await runPagoda(["complete", "a", "--model", ...words, ...long]);
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("trained on") });
    const insisting = [...long, "--allow-long-max-model-len"];
    const ran = await runPagoda(["complete", "a", "--model", ...words, ...insisting]);
    expect(ran).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("error: ") });
  }, 30_000);
});

describe("serve", () => {
  const words = [path, "--kv-cache-memory-bytes=1M"];

  test("works on a Unix socket, which is shown in the banner and removed at shutdown", async () => {
    const socket = join(folder.path, "pagoda.sock");
    const { url, process, log } = await startServer([...words, "--uds", socket]);
    expect(url).toBe("http://localhost");
    const response = await fetch(`${url}/v1/models`, { unix: socket });
    expect(response.status).toBe(200);
    const { stdout } = await runPagoda(["ps", "--json"]);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ pid: process.pid, url: `unix:${socket}`, model: "tiny" }),
    );
    process.kill("SIGTERM");
    expect([await process.exited, existsSync(socket)]).toEqual([0, false]);
    expect(await log).toContain(`socket    ${socket} (curl --unix-socket ${socket} ...)\n`);
    expect(await log).not.toContain("warning");
  }, 30_000);

  test("works with TLS, for `ps` and for clients", async () => {
    const certificates = makeCertificates(folder.path);
    if (certificates === null) return;
    const [cert, key] = [certificates.path("server.pem"), certificates.path("server.key")];
    const tls = ["--ssl-certfile", cert, "--ssl-keyfile", key, "--root-path", "/llm"];
    const { url, process } = await startServer([...words, ...tls]);
    expect(url).toStartWith("https://127.0.0.1:");
    const env = { NODE_EXTRA_CA_CERTS: certificates.path("ca.pem") };
    const { stderr } = await runPagoda(["complete", "a", "--url", url]);
    expect(stderr).toBe(
      `error: cannot reach a server at ${url} (its certificate is from an unknown authority; set ` +
        "NODE_EXTRA_CA_CERTS=file.pem to add one)\n",
    );
    const asked = ["complete", "a", "--url", `${url}/llm`, "--max-tokens=2"];
    expect(await runPagoda(asked, { env })).toMatchObject({ exitCode: 0 });
    const { stdout } = await runPagoda(["ps", "--json"]);
    expect(JSON.parse(stdout)).toContainEqual(
      expect.objectContaining({ pid: process.pid, url, isHealthy: true, model: "tiny" }),
    );
    process.kill("SIGTERM");
    expect(await process.exited).toBe(0);
  }, 30_000);

  test.each([
    [["--ssl-keyfile", "x.key"], 2, "--ssl-keyfile requires --ssl-certfile"],
    [["--ssl-ca-certs", "x.pem"], 2, "--ssl-ca-certs requires --ssl-certfile"],
    [["--ssl-cert-reqs", "2"], 2, "--ssl-cert-reqs requires --ssl-certfile"],
    [
      ["--ssl-certfile", "x.pem", "--ssl-cert-reqs", "1"],
      2,
      "--ssl-cert-reqs requires --ssl-ca-certs",
    ],
    [["--ssl-certfile", "/no.pem"], 2, "--ssl-certfile: cannot read /no.pem: "],
    [["--root-path", "llm"], 2, '--root-path: "llm" is not a path such as /llm'],
    [["--root-path", "/a b"], 2, '--root-path: "/a b" is not a path such as /llm'],
    [["--allowed-hosts", "http://a"], 2, '--allowed-hosts: "http://a" is not a host'],
    [["--uds", "/no/such/folder/s"], 1, "cannot listen on /no/such/folder/s: "],
    [
      ["--host", "no-such-host.invalid"],
      1,
      "cannot listen on no-such-host.invalid: the name has no address",
    ],
  ])(
    "refuses %p",
    async (flags, exitCode, message) => {
      const ran = await runPagoda(["serve", ...words, "--port", "0", ...flags]);
      expect(ran.stderr.trim().split("\n")).toEqual([expect.stringContaining(message)]);
      expect(ran.exitCode).toBe(exitCode);
    },
    30_000,
  );
});

describe("ps", () => {
  const key = ["--api-key", "secret"];

  async function shown(words: readonly string[] = []) {
    const { stdout, exitCode } = await runPagoda(["ps", "--json", ...words]);
    expect(exitCode).toBe(0);
    const servers = JSON.parse(stdout) as { pid: number; residentBytes: number }[];
    return servers.filter(({ pid }) => pid === server.process.pid);
  }

  const operate = (path: string) =>
    fetch(`${server.url}/v1${path}`, {
      method: "POST",
      headers: { authorization: "Bearer secret" },
    });

  test("lists a server with its model, as a table and as JSON", async () => {
    const one = { url: server.url, isHealthy: true, isSleeping: false, running: 0, waiting: 0 };
    expect(await shown(key)).toEqual([
      expect.objectContaining({ ...one, model: "wanted", wantsKey: false }),
    ]);
    expect((await runPagoda(["ps", ...key])).stdout).toMatch(
      /^ *PID {2}URL .*\n(.*\n)*.* wanted +ok /,
    );
  }, 30_000);

  test("without the key, shows everything except the model and points to the missing key", async () => {
    expect(await shown()).toMatchObject([{ model: null, wantsKey: true, isHealthy: true }]);
    expect((await runPagoda(["ps"])).stderr).toBe(
      "a server requires a key to show its model; pass --api-key\n",
    );
  }, 30_000);

  test("shows a sleeping server, even without its key", async () => {
    await operate("/sleep?level=1");
    expect(await shown(key)).toMatchObject([{ isHealthy: true, isSleeping: true }]);
    expect(await shown()).toMatchObject([{ isHealthy: true, isSleeping: true }]);
    expect((await runPagoda(["ps", ...key])).stdout).toMatch(/ wanted +sleeping /);
    await operate("/wake_up");
    expect(await shown(key)).toMatchObject([{ isSleeping: false }]);
    expect(await shown()).toMatchObject([{ isSleeping: false }]);
  }, 30_000);
});

test("serve reports that its port is in use before it looks for the model", async () => {
  const { port } = new URL(server.url);
  const ran = await runPagoda(["serve", "missing.gguf", "--port", port]);
  const line = `error: 127.0.0.1:${port} is in use; stop the other server or choose --port\n`;
  expect(ran).toEqual({ stdout: "", stderr: line, exitCode: 1 });
});

test("serve under an address space limit reports which options to lower", async () => {
  const program = afterShell("ulimit -v 4000000; ");
  const words = ["serve", path, "--port", "0", "--kv-cache-memory-bytes"];
  for (const size of ["3500M", "1T"]) {
    const { stderr, exitCode } = Bun.spawnSync([...program, ...words, size]);
    expect(stderr.toString()).toMatch(
      /^error: .* MiB are free; lower --kv-cache-memory-bytes or --max-model-len\n$/,
    );
    expect(exitCode).toBe(1);
  }
}, 30_000);

describe("doctor", () => {
  test("checks the engine and reports a port in use", async () => {
    const port = new URL(server.url).port;
    const words = ["doctor", path, "--kv-cache-memory-bytes", "1M", "--port", port, "--json"];
    const { stdout, exitCode } = await runPagoda(words);
    const findings = JSON.parse(stdout) as { level: string; what: string; text: string }[];
    const levels = Object.fromEntries(findings.map(({ what, level }) => [what, level]));
    expect(levels).toMatchObject({ port: "warning", model: "ok", grammars: "ok" });
    expect(levels).toMatchObject({ engine: "ok", answer: "ok" });
    expect(findings.at(-1)?.text).toStartWith("16 tokens");
    expect(exitCode).toBe(0);
  }, 30_000);

  test("fails if the host name or the model would prevent a server from starting", async () => {
    const cut = join(folder.path, "cut.gguf");
    writeFileSync(cut, readFileSync(path).subarray(0, -4096));
    const { stdout, exitCode } = await runPagoda(["doctor", cut, "--host", "nosuch.invalid"]);
    const port = "port       cannot listen on nosuch.invalid: the name has no address";
    expect(stdout).toContain(`fault    ${port}\n`);
    expect(stdout).toMatch(/^fault {4}model {6}\S+cut\.gguf is truncated: it has /m);
    expect(stdout).not.toMatch(/^ok {7}model/m);
    expect(exitCode).toBe(1);
  }, 30_000);

  test("fails if there is no model", async () => {
    const { stdout, exitCode } = await runPagoda(["doctor", "missing.gguf"]);
    expect(stdout).toEndWith("fault    model      there is no file missing.gguf\n");
    expect(exitCode).toBe(1);
  }, 30_000);
});

test("collect-env prints the settings, but no secrets", async () => {
  const env = {
    ...{ PAGODA_PORT: "9", VLLM_API_KEY: "s3cret", HF_TOKEN: "s3cret" },
    HF_ENDPOINT: "https://me:s3cret@hub.test",
  };
  const { stdout, exitCode } = await runPagoda(["collect-env"], { env });
  expect(stdout).toMatch(/^pagoda +\d/);
  expect(stdout).toMatch(/^addon .*grammars by llguidance@/m);
  expect(stdout).toContain("PAGODA_PORT=9");
  expect(stdout).toContain("HF_ENDPOINT=https://(hidden)@hub.test");
  expect(stdout).not.toContain("s3cret");
  expect(exitCode).toBe(0);
});
