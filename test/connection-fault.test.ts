// Messages about failed connections, without Bun's advice to callers of fetch.

import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connectionFault } from "../src/connection-fault.ts";
import { brokenStream, startBreakingServer, wholeAnswer } from "./support/breaking-server.ts";
import { runPagoda } from "./support/run-pagoda.ts";
import { removeTempFolders, tempFolder } from "./support/temp-checkout.ts";

const models = wholeAnswer('{"data":[{"id":"tiny"}]}');
const chunk = (text: string) => JSON.stringify({ choices: [{ text, delta: { content: text } }] });
const dying = startBreakingServer({
  "/v1/models": models,
  "/v1/chat/completions": brokenStream(chunk("Once")),
  "/v1/completions": brokenStream(chunk("Once")),
  "/user/repo.gguf": "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nGGUF",
});
const silent = startBreakingServer({ "/v1/models": models });
const other = startBreakingServer({
  "/v1/models": wholeAnswer("<html>", "text/html"),
  "/v1/completions": wholeAnswer("data: <html>\n\n", "text/event-stream"),
});
const cache = tempFolder();
afterAll(() => {
  for (const server of [dying, silent, other]) server.stop();
  removeTempFolders();
});

describe("connectionFault", () => {
  test.each([
    ["ECONNRESET", "connection closed"],
    ["ECONNREFUSED", "connection refused"],
    ["ENOTFOUND", "unknown host"],
    ["InvalidHTTPResponse", "the response is not valid HTTP"],
    ["CERT_HAS_EXPIRED", "its certificate has expired"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for a different name"],
  ])("explains %s", (code, text) => {
    expect(connectionFault(Object.assign(new TypeError("raw"), { code }))).toBe(text);
  });

  test("removes only advice for programmers", () => {
    const advice = "For more information, pass `verbose: true` in the second argument to fetch()";
    expect(connectionFault(new TypeError(`NewKind: It broke. ${advice}`))).toBe(
      "NewKind: It broke",
    );
    expect(connectionFault(new Error("self signed certificate"))).toBe("self signed certificate");
    expect(connectionFault("gone")).toBe("gone");
  });
});

describe("a server that closes the connection", () => {
  const gone = "the answer was cut off: the connection to the server broke (connection closed)";

  test.each([
    ["chat -q", ["chat", "-q", "hi"], ""],
    ["chat with piped lines", ["chat"], "hi\n"],
    ["complete", ["complete", "hi"], ""],
  ])(
    "during an answer makes %s print the partial answer and an error, then exit with 4",
    async (_, words, stdin) => {
      const ran = await runPagoda([...words, "--url", dying.url], { stdin });
      expect(ran.stdout.trim()).toBe("Once");
      expect(ran.stderr).toBe(`tiny at ${dying.url}\nerror: ${gone}\n`);
      expect(ran.exitCode).toBe(4);
    },
  );

  test.each([
    [
      ["chat", "-q", "hi"],
      4,
      (url: string) => `cannot reach a server at ${url} (connection closed)`,
    ],
    [["complete", "hi"], 4, (url: string) => `cannot reach a server at ${url} (connection closed)`],
    [["bench"], 1, () => "connection closed"],
  ])("before the first byte is reported by %p", async (words, exitCode, text) => {
    const ran = await runPagoda([...words, "--url", silent.url]);
    expect(ran.stderr).toEndWith(`error: ${text(silent.url)}\n`);
    expect(ran.exitCode).toBe(exitCode);
  });
});

test("every client command reports a server that does not have this API", async () => {
  for (const words of [["chat", "-q", "a"], ["complete", "a"], ["bench"]]) {
    const ran = await runPagoda([...words, "--url", other.url]);
    expect(ran.stderr).toBe(`error: the server at ${other.url} does not provide the OpenAI API\n`);
    expect(ran.exitCode).toBe(4);
  }
});

test("pull reports why a download fails", async () => {
  const env = { HF_HOME: cache, XDG_CACHE_HOME: cache };
  for (const [name, endpoint, text] of [
    ["user/repo", "http://127.0.0.1:9", "the hub cannot be reached (connection refused); pass"],
    ["user/repo", silent.url, "the hub cannot be reached (connection closed); pass"],
    ["user/repo", "nonsense", "the hub cannot be reached (the address is not valid); pass"],
    [`${dying.url}/user/repo.gguf`, "nonsense", "repo.gguf: connection closed\n"],
  ] as const) {
    const ran = await runPagoda(["pull", name], { env: { ...env, HF_ENDPOINT: endpoint } });
    expect(ran.stderr).toContain(text);
    expect(ran.stderr).not.toContain("verbose");
    expect(ran.exitCode).toBe(3);
  }
  expect(await runPagoda(["ls", "--quiet"], { env, cwd: join(cache) })).toMatchObject({
    exitCode: 0,
  });
});
