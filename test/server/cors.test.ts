// CORS by default and as configured: preflights and responses for web pages that may call the server.

import { describe, expect, test } from "bun:test";
import { ANY_ORIGIN, Cors, type CorsOptions } from "../../src/server/cors.ts";
import { hostCheck } from "../../src/server/host-check.ts";
import { makeApp } from "../support/fake-engine.ts";

const at = (address: string) => ({ host: address, address });

const PAGE = "https://page.example";

function asker(options: Partial<CorsOptions>) {
  const { app } = makeApp({}, { cors: new Cors({ ...ANY_ORIGIN, ...options }), isDevMode: true });
  const ask = (method: string, headers: Record<string, string>) =>
    app.handle(new Request("http://localhost/v1/models", { method, headers }));
  const preflight = (origin: string, method = "POST", headers = "content-type") =>
    ask("OPTIONS", {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": headers,
    });
  return { app, ask, preflight };
}

/** Status, text, and CORS headers. */
async function corsOf(response: Response) {
  const own = [...response.headers].filter(([name]) => /^(access-control-|vary)/.test(name));
  const headers = own.map(([name, value]) => [name.replace("access-control-", ""), value]);
  return { status: response.status, text: await response.text(), ...Object.fromEntries(headers) };
}

describe("the option to allow any origin", () => {
  test("allows any requested headers", async () => {
    const { preflight } = asker({});
    expect(await corsOf(await preflight(PAGE, "POST", "authorization, x-mine"))).toEqual({
      status: 200,
      text: "OK",
      "allow-origin": "*",
      "allow-methods": "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT",
      "allow-headers": "authorization, x-mine",
      "max-age": "600",
    });
  });

  test("returns the page's own origin if credentials are allowed, since browsers then reject *", async () => {
    const { preflight, ask } = asker({ allowCredentials: true });
    const named = { "allow-origin": PAGE, vary: "Origin", "allow-credentials": "true" };
    expect(await corsOf(await preflight(PAGE))).toMatchObject({ status: 200, ...named });
    expect(await corsOf(await ask("GET", { origin: PAGE, cookie: "a=b" }))).toMatchObject(named);
    expect(await corsOf(await ask("GET", { origin: PAGE }))).toMatchObject({ "allow-origin": "*" });
  });
});

describe("listed origins", () => {
  const { ask, preflight } = asker({
    origins: [PAGE],
    methods: ["GET"],
    headers: ["X-Mine"],
  });

  test("are the only origins allowed", async () => {
    const named = { "allow-origin": PAGE, vary: "Origin" };
    expect(await corsOf(await preflight(PAGE, "GET", "x-mine, Content-Type"))).toEqual({
      ...{ status: 200, text: "OK", ...named },
      "allow-methods": "GET",
      "allow-headers": "Accept, Accept-Language, Content-Language, Content-Type, X-Mine",
      "max-age": "600",
    });
    expect(await corsOf(await ask("GET", { origin: PAGE }))).toMatchObject({
      status: 200,
      ...named,
    });
    const other = await corsOf(await ask("GET", { origin: "https://other.example" }));
    expect(other).toMatchObject({ status: 200, vary: "Origin" });
    expect(other).not.toHaveProperty("allow-origin");
  });

  test("are checked together with methods and headers; an error lists everything that is not allowed", async () => {
    const refused = await corsOf(await preflight("https://other.example", "POST", "x-other"));
    expect(refused).toMatchObject({
      status: 400,
      text: "Disallowed CORS origin, method, headers",
    });
    expect(refused).not.toHaveProperty("allow-origin");
    expect(await corsOf(await preflight(PAGE, "GET", "x-other"))).toMatchObject({
      status: 400,
      text: "Disallowed CORS headers",
    });
  });
});

describe("the allowed hosts", () => {
  const hosts = hostCheck(at("127.0.0.1"), ["model.example"]);
  if (hosts === null) throw new Error("loopback checks hosts");
  const { app, ask, preflight } = asker({ origins: hosts });

  test("also define which pages can call the server", async () => {
    for (const origin of [
      "http://localhost:3000",
      "http://127.0.0.1:8000",
      "http://[::1]:5173",
      "https://model.example",
    ]) {
      expect(await corsOf(await preflight(origin))).toMatchObject({
        status: 200,
        "allow-origin": origin,
      });
    }
    for (const origin of [PAGE, "http://localhost.page.example", "null", "chrome-extension://x"]) {
      const text = "Disallowed CORS origin";
      expect(await corsOf(await preflight(origin))).toMatchObject({ status: 400, text });
      expect(await corsOf(await ask("GET", { origin }))).not.toHaveProperty("allow-origin");
    }
  });

  test("also apply to requests that browsers send without a preflight", async () => {
    const reset = (headers: Record<string, string>) =>
      app.handle(new Request("http://localhost/reset_prefix_cache", { method: "POST", headers }));
    const refused = await corsOf(await reset({ origin: PAGE }));
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('Pages from \\"https://page.example\\" may not call');
    expect((await reset({ origin: "http://localhost:3000" })).status).toBe(200);
    expect((await reset({})).status).toBe(200);
  });
});

test("requests without an origin, such as those from programs, get no CORS headers", async () => {
  const { ask } = asker({ origins: [PAGE] });
  const answer = await corsOf(await ask("GET", {}));
  expect(Object.keys(answer)).toEqual(["status", "text"]);
});
