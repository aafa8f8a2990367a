// The chat, complete, and bench commands with third-party or broken servers: every problem is reported, and no part
// of an answer is lost silently.

import { afterAll, describe, expect, test } from "bun:test";
import { runPagoda } from "../support/run-pagoda.ts";
import { TerminalProgram } from "../support/terminal-program.ts";

const LIST = JSON.stringify({ object: "list", data: [{ id: "m" }] });
const STREAM = { "content-type": "text/event-stream" };
const servers: { stop(closes: boolean): Promise<void> }[] = [];
afterAll(() => Promise.all(servers.map((server) => server.stop(true))));

type Answer = (request: Request) => Response | Promise<Response>;

/** @param answer returns the response to all requests except the list of models @returns the server's URL */
function serverWith(answer: Answer, list = LIST): string {
  const fetch = (request: Request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/models") return Response.json(JSON.parse(list));
    return request.method === "POST" ? answer(request) : new Response("", { status: 404 });
  };
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  servers.push(server);
  return `http://127.0.0.1:${server.port}`;
}

const chunk = (content: string, reason: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: reason }] })}\n\n`;
const streaming = (body: string) => serverWith(() => new Response(body, { headers: STREAM }));
const refusing = (body: string, status: number) => serverWith(() => new Response(body, { status }));

async function chatWith(url: string, ...words: string[]) {
  const ran = await runPagoda(["chat", "-q", "hi", "--url", url, ...words]);
  return { ...ran, stderr: ran.stderr.replace(/^m at http.*\n/m, "") };
}

describe("a stream", () => {
  const end = "data: [DONE]\n\n";

  test.each([
    ["null", "data: null\n\n", "the server sent an event that is not part of this API: null"],
    ["text", "data: gone\n\n", "the server sent an event that is not part of this API: gone"],
    [
      "parts",
      'data: {"choices":[{"delta":{"content":[1]}}]}\n\n',
      'the server sent an event that is not part of this API: {"choices":[{"delta":{"content":[1]}}]}',
    ],
    ["a string as the error", 'data: {"error":"boom"}\n\n', "the answer was cut off: boom"],
    [
      "an error with a message",
      'data: {"error":{"message":"boom"}}\n\n',
      "the answer was cut off: boom",
    ],
    [
      "an error without a message",
      'data: {"error":{"code":5}}\n\n',
      'the answer was cut off: {"code":5}',
    ],
    [
      "an error from vLLM 0.9",
      'data: {"object":"error","message":"boom"}\n\n',
      "the answer was cut off: boom",
    ],
  ])("with %s causes a one-line error and exit code 4", async (_, event, text) => {
    const ran = await chatWith(streaming(`${chunk("abc")}${event}${end}`));
    expect(ran).toEqual({ stdout: "abc\n", stderr: `error: ${text}\n`, exitCode: 4 });
  });

  test("that ends without [DONE] is complete if it has a finish reason, and otherwise cut off", async () => {
    const whole = await chatWith(streaming(chunk("abc") + chunk("", "stop")));
    expect(whole).toEqual({ stdout: "abc\n", stderr: "", exitCode: 0 });
    const broken = await chatWith(streaming(chunk("abc")));
    expect(broken.stderr).toContain("the answer was cut off");
    expect(broken.exitCode).toBe(4);
  });

  test.each(["reasoning_content", "reasoning"])(
    "with %s prints it only on a terminal, in gray",
    async (name) => {
      const thought = { choices: [{ delta: { [name]: "hm" }, finish_reason: null }] };
      const url = streaming(
        `data: ${JSON.stringify(thought)}\n\n${chunk("abc", "stop")}${end}`.replaceAll("\n", "\r"),
      );
      expect(await chatWith(url)).toEqual({ stdout: "abc\n", stderr: "", exitCode: 0 });
      const program = new TerminalProgram(["chat", "-q", "hi", "--url", url]);
      expect(await program.exited).toBe(0);
      expect(program.text).toContain("\x1b[2mhm\x1b[0m\r\n\r\nabc\r\n");
      const plain = new TerminalProgram(["chat", "-q", "hi", "--url", url], { NO_COLOR: "1" });
      expect(await plain.exited).toBe(0);
      expect(plain.text).not.toContain("hm");
    },
  );

  test("is recognized with a different content type or without one", async () => {
    const plain = await chatWith(serverWith(() => new Response(chunk("abc", "stop") + end)));
    expect(plain).toEqual({ stdout: "abc\n", stderr: "", exitCode: 0 });
  });

  test("that turns out to be a plain response is reported, with its error if it has one", async () => {
    const whole = serverWith(() => Response.json({ choices: [{ message: { content: "abc" } }] }));
    const text = "the server sent a whole response instead of a stream";
    expect(await chatWith(whole)).toMatchObject({ stderr: `error: ${text}\n`, exitCode: 4 });
    const error = serverWith(() => Response.json({ error: "boom" }));
    expect(await chatWith(error)).toMatchObject({ stderr: "error: boom\n", exitCode: 4 });
  });

  test.each(["abort", "content_filter", "tool_calls"])(
    "that ends with %s reports that reason",
    async (reason) => {
      const url = streaming(chunk("abc", reason) + end);
      const stderr = `the server ended the answer: ${reason}\n`;
      expect(await chatWith(url)).toEqual({ stdout: "abc\n", stderr, exitCode: 0 });
    },
  );
});

describe("an error response", () => {
  test.each([
    ["", 500, "HTTP 500"],
    ['{"detail":"Not Found"}', 404, "HTTP 404: Not Found"],
    ['{"detail":[{"msg":"too long"},{"msg":"too hot"}]}', 422, "HTTP 422: too long; too hot"],
    ['{"object":"error","message":"too long"}', 400, "HTTP 400: too long"],
    ['{"error":"model is loading"}', 503, "HTTP 503: model is loading"],
    ["<html><title>502 Bad Gateway</title><h1>Bad", 502, "HTTP 502: 502 Bad Gateway"],
    ["busy\n", 429, "HTTP 429: busy"],
  ])("%j with status %d is reported with its message", async (body, status, text) => {
    const url = refusing(body, status);
    expect(await chatWith(url)).toEqual({ stdout: "\n", stderr: `error: ${text}\n`, exitCode: 1 });
    const bench = await runPagoda(["bench", "--url", url]);
    expect(bench.stderr).toEndWith(`error: ${text}\n`);
  });
});

describe("a list of models", () => {
  test.each([['{"data":[null]}'], ['{"data":[{}]}'], ['{"data":1}'], ["null"], ["[]"]])(
    "that is %s is invalid",
    async (list) => {
      const url = serverWith(() => new Response(""), list);
      const ran = await chatWith(url);
      const text = `the server at ${url} does not provide the OpenAI API`;
      expect(ran).toEqual({ stdout: "", stderr: `error: ${text}\n`, exitCode: 4 });
    },
  );

  test("that is empty is reported, including by bench", async () => {
    const url = serverWith(() => new Response(""), '{"data":[]}');
    for (const words of [["chat", "-q", "hi"], ["complete", "hi"], ["bench"]]) {
      const ran = await runPagoda([...words, "--url", url]);
      expect(ran).toMatchObject({ stderr: `error: ${url} serves no model\n`, exitCode: 1 });
    }
  });
});

describe("bench", () => {
  test.each([
    ["data: null\n\n", "not an event from this API: null"],
    ['data: {"error":"boom"}\n\n', "boom"],
    ['data: {"object":"error","message":"boom"}\n\n', "boom"],
  ])("reports %j", async (event, text) => {
    const ran = await runPagoda(["bench", "--url", streaming(event)]);
    expect(ran.stderr).toEndWith(`error: ${text}\n`);
    expect(ran.exitCode).toBe(1);
  });
});

describe("request fields", () => {
  const asked: Record<string, unknown>[] = [];
  const url = serverWith(async (request) => {
    asked.push((await request.json()) as Record<string, unknown>);
    return new Response(chunk("abc", "stop"), { headers: STREAM });
  });

  test("include the model and the seed from the command line", async () => {
    for (const words of [
      ["chat", "other", "hi"],
      ["complete", "hi", "--model", "other"],
    ])
      expect((await runPagoda([...words, "--url", url, "--seed", "7"])).exitCode).toBe(0);
    expect(asked.splice(0)).toMatchObject([
      { model: "other", seed: 7 },
      { model: "other", seed: 7 },
    ]);
    await runPagoda(["complete", "hi", "--url", url], { env: { PAGODA_MODEL: "x.gguf" } });
    expect(asked[0]).toMatchObject({ model: "m" });
    expect(asked.splice(0)[0]).not.toHaveProperty("seed");
  });

  test("that apply only when a server starts cause a warning", async () => {
    const ran = await chatWith(url, "--max-model-len", "4k", "--offline");
    const because = `has no effect: the server at ${url} has already loaded its model`;
    expect(ran.stderr).toBe(`warning: --max-model-len ${because}\nwarning: --offline ${because}\n`);
    const quiet = await runPagoda(["chat", "-q", "hi", "--url", url], {
      env: { PAGODA_MAX_MODEL_LEN: "4k" },
    });
    expect(quiet.stderr).toBe(`m at ${url}\n`);
  });

  test.each(["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/completions", "/v1/models"])(
    "are sent to a server whose address ends in %j",
    async (path) => {
      expect(await chatWith(url + path)).toEqual({ stdout: "abc\n", stderr: "", exitCode: 0 });
    },
  );

  test("are not sent through a proxy if the server is on the same machine", async () => {
    const env = { http_proxy: "http://127.0.0.1:9", NO_PROXY: "example.com" };
    expect((await runPagoda(["chat", "-q", "hi", "--url", url], { env })).stdout).toBe("abc\n");
  });
});

test("a sleeping server is reported, since its response can take a long time", async () => {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: {
      "/v1/models": new Response(LIST),
      "/v1/is_sleeping": Response.json({ is_sleeping: true }),
      "/v1/chat/completions": new Response(chunk("abc", "stop"), { headers: STREAM }),
    },
  });
  servers.push(server);
  const url = `http://127.0.0.1:${server.port}`;
  const ran = await chatWith(url);
  const stderr = `${url} is asleep; requests wait until it is woken up (/wake_up)\n`;
  expect(ran).toEqual({ stdout: "abc\n", stderr, exitCode: 0 });
  expect((await runPagoda(["bench", "--url", url])).stderr).toStartWith(stderr);
});

test("a note is printed while waiting for a silent server", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async () => {
      await promise;
      return new Response(LIST);
    },
  });
  servers.push(server);
  const url = `http://127.0.0.1:${server.port}`;
  const running = runPagoda(["chat", "-q", "hi", "--url", url]);
  setTimeout(resolve, 2_500); // the client, which is another process, prints the note after two seconds
  expect((await running).stderr).toStartWith(`waiting for ${url} to respond\n`);
}, 20_000);
