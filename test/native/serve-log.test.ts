// A server's banner and log lines.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startServer } from "../support/server-process.ts";
import { TerminalProgram } from "../support/terminal-program.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";
import { tempFolder } from "../support/tiny-model.ts";

const folder = tempFolder();
const model = join(folder.path, "tiny.gguf");
const WORDS = ["--kv-cache-memory-bytes", "8M", "--dtype", "auto"];

beforeAll(() => writeTinyGguf(model));
afterAll(folder.remove);

const ACCESS = /^INFO: {5}127\.0\.0\.1:\d+ - "/;
const HEAD = /^(INFO|WARNING) \d\d-\d\d \d\d:\d\d:\d\d /;

test.each([
  ["", "\x1b[33mWARNING\x1b[0m"],
  ["1", "WARNING"],
])(
  "on a terminal with NO_COLOR=%p, only a warning is colored",
  async (noColor, level) => {
    const program = new TerminalProgram(["serve", "--port", "0", model, ...WORDS], {
      NO_COLOR: noColor,
    });
    await program.until("Ctrl-C to stop\r\n");
    program.type("\x03");
    await program.exited;
    const [warning = "", ...lines] = program.text.replaceAll("\r", "").trim().split("\n");
    expect(warning).toStartWith(`${level} `);
    expect(lines.slice(0, 9).map((line) => /^\S+/.exec(line)?.[0])).toEqual([
      ...["Pagoda", "model", "device", "memory", "limits", "API", "metrics", "health", "ready"],
    ]);
    // The terminal echoes the key press.
    expect(lines.slice(9).join("")).toContain("INFO ");
    expect(lines.join("\n")).not.toContain("\x1b[");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  },
  30_000,
);

test("log lines have a level and a time, but the banner has neither; requests are logged if enabled", async () => {
  const words = ["--enable-log-requests", "--max-log-len", "3", ...WORDS];
  const { url, process: child, log } = await startServer([model, ...words]);
  const ask = { prompt: "hello", max_tokens: 2, ignore_eos: true };
  const body = JSON.stringify(ask);
  const headers = { "content-type": "application/json", "x-request-id": "7" };
  await (await fetch(`${url}/v1/completions`, { method: "POST", headers, body })).text();
  child.kill("SIGTERM");
  const all = (await log).trim().split("\n");
  expect(all.filter((line) => ACCESS.test(line)).map((line) => line.replace(ACCESS, ""))).toEqual([
    'POST /v1/completions HTTP/1.1" 200 OK',
  ]);
  const lines = all.filter((line) => !ACCESS.test(line));
  expect(lines.filter((line) => !HEAD.test(line))).toHaveLength(9);
  const texts = lines.filter((line) => HEAD.test(line)).map((line) => line.replace(HEAD, ""));
  expect(texts).toEqual([
    expect.stringMatching(/^--dtype has no effect/),
    'Received request cmpl-7: prompt: "hel"..., params: {"ignore_eos":true,"max_tokens":2}',
    expect.stringMatching(/^Finished request cmpl-7: 200, length, \d+ prompt tokens, 2 output /),
    expect.stringMatching(/^SIGTERM: finishing 0 requests/),
  ]);
}, 30_000);
