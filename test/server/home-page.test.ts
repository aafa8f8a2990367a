// GET /: HTML for browsers, plain text for curl, and nothing that the API key protects.

import { describe, expect, test } from "bun:test";
import { makeApp } from "../support/fake-engine.ts";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

describe("the home page", () => {
  const { app } = makeApp();
  const page = (accept?: string, init: RequestInit = {}) =>
    app.handle(
      new Request("http://127.0.0.1:8000/", {
        ...init,
        headers: accept === undefined ? {} : { accept },
      }),
    );

  test("is HTML for a browser, with working links", async () => {
    const response = await page(BROWSER);
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    const html = await response.text();
    const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, target]) => target as string);
    expect(links).toEqual(["docs", "v1/models", "metrics", "health", "version"]);
    for (const target of links) {
      const linked = await app.handle(new Request(`http://127.0.0.1:8000/${target}`));
      expect([target, linked.status]).toEqual([target, 200]);
    }
    expect(html).toContain("It serves <strong>tiny</strong>.");
    expect(html).toContain("with the API and metrics of vLLM 0.13.0");
    expect(html).toContain("curl http://127.0.0.1:8000/v1/chat/completions");
    expect(html).toContain("color-scheme: light dark");
  });

  test("loads no resources and runs no scripts, even with injected text", async () => {
    const response = await page(BROWSER);
    expect(response.headers.get("content-security-policy")).toStartWith("default-src 'none'");
    expect(await response.text()).not.toMatch(/src=|<script|@import|url\(|https:/);
    const evil = makeApp({}, { servedModelNames: ["<script>alert('x')</script>"] });
    const request = new Request("http://127.0.0.1/", { headers: { accept: "text/html" } });
    expect(await (await evil.app.handle(request)).text()).toContain(
      "<strong>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</strong>",
    );
  });

  test.each([["*/*"], [undefined], ["application/json"], ["text/plain"]])(
    "is plain text for Accept: %p",
    async (accept) => {
      const response = await page(accept);
      expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
      const text = await response.text();
      expect(text).toStartWith(
        "Pagoda, with the API and metrics of vLLM 0.13.0\n\nIt serves tiny.",
      );
      expect(text).toContain("POST  /v1/chat/completions   replies to a conversation\n");
      expect(text).toContain("GET   /v1/models             the served model\n");
    },
  );

  test("allows only GET and HEAD", async () => {
    expect((await page(BROWSER, { method: "HEAD" })).status).toBe(200);
    const post = await page(BROWSER, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("requires no key, but hides the model name if the server has a key", async () => {
    const guarded = makeApp({}, { apiKeys: ["secret"], servedModelNames: ["hidden-model"] });
    for (const accept of [BROWSER, "*/*"]) {
      const request = new Request("http://127.0.0.1/", { headers: { accept } });
      const response = await guarded.app.handle(request);
      expect(response.status).toBe(200);
      const text = await response.text();
      expect(text).not.toMatch(/hidden-model|secret/);
      expect(text).toMatch(/-H (&#39;|')Authorization: Bearer (&lt;|<)key/);
    }
  });
});
