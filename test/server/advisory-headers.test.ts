// Advisory headers: valid values are used, others are ignored, and none causes a request to be rejected.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const ROUTES: [path: string, prefix: string, body: object][] = [
  ["/v1/completions", "cmpl", { prompt: "x", max_tokens: 1 }],
  [
    "/v1/chat/completions",
    "chatcmpl",
    { messages: [{ role: "user", content: "x" }], max_tokens: 1 },
  ],
];

describe.each(ROUTES)("the id in a response from %s", (path, prefix, body) => {
  const { post } = makeApp();
  const idOf = async (header: string | null, requestId?: unknown) => {
    const headers: Record<string, string> = header === null ? {} : { "x-request-id": header };
    const response = await post(path, { ...body, request_id: requestId }, headers);
    expect(response.status).toBe(200);
    return ((await response.json()) as { id: string }).id;
  };

  test.each([
    ["the header's", "abc", undefined, "abc"],
    ["the body's", null, "def", "def"],
    ["the header's, not the body's", "abc", "def", "abc"],
    ["the first value in a repeated header", "id1, id2", undefined, "id1"],
    [
      "the first valid value in a repeated header",
      `a b, ${"x".repeat(129)}, id3`,
      undefined,
      "id3",
    ],
    ["the body's if the header is empty", "", "def", "def"],
    ["the body's if the header is invalid", "a b", "def", "def"],
    ["the header's with a comma in it", "a,b", undefined, "a,b"],
    ["the longest", "x".repeat(128), undefined, "x".repeat(128)],
  ])("is %s", async (_, header, requestId, id) => {
    expect(await idOf(header, requestId)).toBe(`${prefix}-${id}`);
  });

  test.each([
    ["empty", "", undefined],
    ["too long", "x".repeat(129), undefined],
    ["not ASCII", "\u00e9", undefined],
    ["with spaces", "a b", undefined],
    ["only commas", ", ,", undefined],
    ["on multiple lines, in the body", null, "a\nb"],
    ["too long, in the body", null, "x".repeat(129)],
    ["half a surrogate pair, in the body", null, "\ud83d"],
  ])("is a new id if the given id is %s", async (_, header, requestId) => {
    expect(await idOf(header, requestId)).toMatch(new RegExp(`^${prefix}-[0-9a-f]{16}$`));
  });
});

describe("other advisory headers", () => {
  const { post } = makeApp();
  const body = { prompt: "x", max_tokens: 1 };
  const ask = (headers: Record<string, string>) => post("/v1/completions", body, headers);

  test.each([
    ["a media type with parameters", { "content-type": 'application/json; charset="utf-8"; x=y' }],
    ["a media type in capitals", { "content-type": "Application/JSON;charset=latin1" }],
    ["a repeated media type", { "content-type": "application/json, application/json" }],
    ["an invalid trace", { traceparent: "x" }],
    ["an accepted type that is not available", { accept: "image/png" }],
    ["invalid accepted types", { accept: ",;=", "accept-encoding": "???", "accept-charset": "" }],
    ["an unknown load report format", { "endpoint-load-metrics-format": "XML" }],
    ["a rank", { "x-data-parallel-rank": "-7" }],
    ["proxy headers", { "x-correlation-id": ", ,", via: "1.1 a, 1.1 b", forwarded: "for=x" }],
  ])("do not cause a rejection: %s", async (_, headers) => {
    expect((await ask(headers as Record<string, string>)).status).toBe(200);
  });

  test("can list several load report formats, of which the first is used, regardless of case", async () => {
    const { headers } = await ask({ "endpoint-load-metrics-format": "json, text" });
    expect(headers.get("endpoint-load-metrics")).toStartWith("JSON {");
  });
});
