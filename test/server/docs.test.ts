// GET /openapi.json describes every server route, and GET /docs shows them without internet access.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { validate } from "@apidevtools/swagger-parser";
import { FIELD_DOCS } from "../../src/server/field-docs.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { makeApp } from "../support/fake-engine.ts";

/** A context with every optional route. */
const EVERYTHING: Partial<ServerContext> = {
  isDevMode: true,
  allowsLoraUpdates: true,
  apiKeys: ["secret"],
  tracksLoad: true,
  tokenizerInfo: {
    tokenizerClass: "",
    specialTokenIds: {},
    addsBos: null,
    addsEos: null,
    addsPrefixSpace: null,
    chatTemplate: null,
  },
};

interface Document {
  readonly openapi: string;
  readonly servers?: unknown;
  readonly security?: unknown;
  readonly paths: Record<string, Record<string, { summary: string; requestBody?: RequestBody }>>;
  readonly components: { readonly schemas: Record<string, BodySchema> };
}

interface RequestBody {
  readonly content: { readonly "application/json": { readonly example: object } };
}

interface BodySchema {
  readonly required?: readonly string[];
  readonly properties: Record<string, object>;
}

type App = ReturnType<typeof makeApp>["app"];

const get = (app: App, path: string) => app.handle(new Request(`http://localhost${path}`));
const documentOf = async (app: App) => (await (await get(app, "/openapi.json")).json()) as Document;

describe("GET /openapi.json", () => {
  test("is a valid OpenAPI 3.1 document", async () => {
    const document = await documentOf(makeApp({}, EVERYTHING).app);
    expect(document.openapi).toBe("3.1.0");
    await validate(structuredClone(document) as unknown as Parameters<typeof validate>[0]);
  });

  test("describes every route, with the same summaries as vLLM", async () => {
    const { app } = makeApp({}, EVERYTHING);
    const { paths } = await documentOf(app);
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = app.routes
      .map(({ method, path }) => `${method} ${path.replace(":id", "{id}")}`)
      .filter((route) => !/ \/(docs|openapi\.json|metrics\/\*)/.test(route))
      .map((route) => route.replace("/v1/models/*", "/v1/models/{id}"));
    expect(documented.sort()).toEqual(served.sort());
    expect(paths["/v1/chat/completions"]?.["post"]?.summary).toBe("Create Chat Completion");
    expect(paths["/v1/models"]?.["get"]?.summary).toBe("Show Available Models");
  });

  test("leaves out routes that the server does not have", async () => {
    const { paths } = await documentOf(makeApp().app);
    expect(paths["/sleep"]).toBeUndefined();
    expect(paths["/v1/requests/{id}/cancel"]).toBeUndefined();
    expect(paths["/load"]).toBeUndefined();
  });

  test("has the schemas used to validate bodies, with types, defaults and bounds", async () => {
    const { components } = await documentOf(makeApp().app);
    const chat = components.schemas["ChatCompletionRequest"];
    expect(chat?.required).toEqual(["messages"]);
    const orNull = (schema: object) => [schema, { type: "null" }];
    expect(chat?.properties["stream"]).toEqual({
      anyOf: orNull({ type: "boolean" }),
      default: false,
      description: "Send the output as server-sent events",
    });
    expect(chat?.properties["top_p"]).toMatchObject({
      anyOf: orNull({ type: "number" }),
      exclusiveMinimum: 0,
      maximum: 1,
    });
    expect(chat?.properties["seed"]).toMatchObject({
      anyOf: orNull({ type: "integer", minimum: -(2 ** 63), maximum: 2 ** 63 }),
    });
    expect(chat?.properties["reasoning_effort"]).toMatchObject({
      anyOf: orNull({
        type: "string",
        enum: ["none", "minimal", "low", "medium", "high", "xhigh", "max"],
      }),
    });
    expect(components.schemas["DetokenizeRequest"]?.properties["tokens"]).toMatchObject({
      type: "array",
      items: { type: "integer" },
    });
  });

  test("describes only fields that a body can have", async () => {
    const { components } = await documentOf(makeApp().app);
    const names = Object.values(components.schemas).flatMap(({ properties }) =>
      Object.keys(properties),
    );
    expect(Object.keys(FIELD_DOCS).filter((name) => !names.includes(name))).toEqual([]);
  });

  test("has examples that the server accepts", async () => {
    const { app, post } = makeApp({}, { isDevMode: true });
    const { paths } = await documentOf(app);
    for (const [path, { post: operation }] of Object.entries(paths)) {
      const example = operation?.requestBody?.content["application/json"].example;
      if (example !== undefined)
        expect([path, (await post(path, example)).status]).toEqual([path, 200]);
    }
  });

  test("leaves out fields that are read only in order to refuse them", async () => {
    const { components } = await documentOf(makeApp().app);
    const properties = components.schemas["CompletionRequest"]?.properties ?? {};
    expect(properties["prompt"]).toBeDefined();
    expect(properties["mirostat"]).toBeUndefined();
    expect(properties["logits_processors"]).toBeUndefined();
  });

  test("declares the prefix and the API key and requires no key itself", async () => {
    const document = await documentOf(makeApp({}, { ...EVERYTHING, rootPath: "/llm" }).app);
    expect(document.servers).toEqual([{ url: "/llm" }]);
    expect(document.security).toEqual([{ apiKey: [] }]);
  });
});

describe("GET /docs", () => {
  const { app } = makeApp();

  test("is a page that loads only files from this server", async () => {
    const response = await get(app, "/docs");
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await response.text();
    const targets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, target]) => target);
    expect(targets).toEqual(["docs/swagger-ui.css", "docs/swagger-ui-bundle.js"]);
    expect(html).not.toContain("https:");
    for (const [target, type, start] of [
      ["docs/swagger-ui.css", "text/css; charset=utf-8", ".swagger-ui{"],
      ["docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8", "/*! For license"],
    ] as const) {
      const file = await get(app, `/${target}`);
      expect(file.headers.get("content-type")).toBe(type);
      expect(await file.text()).toStartWith(start);
    }
  });

  test("allows only its own script, by its hash", async () => {
    const response = await get(app, "/docs");
    const policy = response.headers.get("content-security-policy") ?? "";
    expect(policy).toStartWith("default-src 'none'; ");
    const script = /<script>(.*)<\/script>/s.exec(await response.text())?.[1] ?? "";
    expect(policy).toContain(`'sha256-${createHash("sha256").update(script).digest("base64")}'`);
  });

  test("is absent with --disable-fastapi-docs, as is /openapi.json", async () => {
    const without = makeApp({}, { servesDocs: false }).app;
    for (const path of ["/docs", "/openapi.json", "/docs/swagger-ui.css"]) {
      expect((await get(without, path)).status).toBe(404);
    }
    const home = await (await get(without, "/")).text();
    expect(home).not.toContain("/docs");
  });
});
