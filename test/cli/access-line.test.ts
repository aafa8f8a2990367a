// The access log: its lines, and the options that shorten it or turn it off.

import { describe, expect, test } from "bun:test";
import { accessLog } from "../../src/cli/access-line.ts";
import type { Access } from "../../src/runtime/http-types.ts";
import { parse, warnings } from "../support/serve-options.ts";

const ACCESS: Access = {
  client: "127.0.0.1:12345",
  ...{ method: "POST", target: "/v1/completions", httpVersion: "1.1", status: 200 },
};

/** Lines logged by a server with these arguments. */
function linesOf(words: string[], ...accesses: Partial<Access>[]): string[] {
  const lines: string[] = [];
  const log = accessLog(parse(words), (line) => lines.push(line));
  for (const access of accesses) log?.({ ...ACCESS, ...access });
  return lines;
}

test("an endpoint that is not a path is rejected, since it would silence nothing", () => {
  const option = "--disable-access-log-for-endpoints";
  const message = `${option}: health is not a path such as /health`;
  expect(() => linesOf([option, "/metrics, health"])).toThrow(message);
  expect(linesOf([option, "/metrics,"], { target: "/metrics" }, { target: "/" })).toHaveLength(1);
});

describe("a line", () => {
  test("is the same as uvicorn's", () => {
    expect(
      linesOf(
        [],
        {},
        { client: "::1:80", method: "GET", target: "/health", httpVersion: "1.0", status: 503 },
        { client: "", status: 404 },
        { status: 799 },
      ),
    ).toEqual([
      'INFO:     127.0.0.1:12345 - "POST /v1/completions HTTP/1.1" 200 OK',
      'INFO:     ::1:80 - "GET /health HTTP/1.0" 503 Service Unavailable',
      'INFO:      - "POST /v1/completions HTTP/1.1" 404 Not Found',
      'INFO:     127.0.0.1:12345 - "POST /v1/completions HTTP/1.1" 799',
    ]);
  });

  test("does not show queries or user information, which can contain a key", () => {
    const targets = [
      "/v1/models?api_key=secret",
      "/v1/models#secret",
      "http://user:secret@localhost/v1/models?key=secret",
      "/?secret",
    ];
    expect(linesOf([], ...targets.map((target) => ({ target })))).toEqual(
      ["/v1/models", "/v1/models", "http://localhost/v1/models", "/"].map(
        (path) => `INFO:     127.0.0.1:12345 - "POST ${path} HTTP/1.1" 200 OK`,
      ),
    );
  });

  test("cannot be forged or split by a request target", () => {
    expect(linesOf([], { target: '/a" 200 OK\x1b[2J\x9b\x7f' })).toEqual([
      'INFO:     127.0.0.1:12345 - "POST /a%22 200 OK\\u001b[2J\\u009b\\u007f HTTP/1.1" 200 OK',
    ]);
  });
});

describe("the log", () => {
  const targets = ["/health", "/metrics?a=1", "/metrics/x", "/v1/completions"];
  const pathsOf = (...words: string[]) =>
    linesOf(words, ...targets.map((target) => ({ target }))).map(
      (line) => /POST (\S+)/.exec(line)?.[1],
    );

  test("includes every request by default", () => {
    expect(pathsOf()).toEqual(["/health", "/metrics", "/metrics/x", "/v1/completions"]);
  });

  test("omits listed paths, no matter what their queries are", () => {
    const rest = ["/metrics/x", "/v1/completions"];
    expect(pathsOf("--disable-access-log-for-endpoints", "/health,/metrics")).toEqual(rest);
    expect(pathsOf("--disable-access-log-for-endpoints=/health, /metrics,")).toEqual(rest);
  });

  test.each(["warning", "error", "critical"])("is off at uvicorn's level %s", (level) => {
    expect(accessLog(parse(["--uvicorn-log-level", level]), () => {})).toBeNull();
  });

  test.each(["trace", "debug", "info"])("is on at uvicorn's level %s", (level) => {
    expect(pathsOf("--uvicorn-log-level", level)).toHaveLength(4);
  });

  test("is off with --disable-uvicorn-access-log, without a warning", () => {
    expect(accessLog(parse(["--disable-uvicorn-access-log"]), () => {})).toBeNull();
    expect(warnings).toEqual([]);
  });
});
