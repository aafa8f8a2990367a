// The examples in docs/api.md, run exactly as written.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tokenizerFacts } from "../../src/models/tokenizer-facts.ts";
import type { ServerContext } from "../../src/server/server-context.ts";
import { callOf } from "../support/curl-example.ts";
import { makeApp } from "../support/fake-engine.ts";

const TEXT = readFileSync(join(import.meta.dir, "../../docs/api.md"), "utf8");

/** Each example, with its section. */
const EXAMPLES = TEXT.split(/^(?=## )/m).flatMap((section) =>
  [...section.matchAll(/^```sh\n(curl [\s\S]*?)^```$/gm)].map(
    ([, command = ""]) => [command, section] as const,
  ),
);

/** Server options that the docs name, with their effects. */
const OPTIONS: readonly (readonly [string, Partial<ServerContext>])[] = [
  ["--enable-server-load-tracking", { tracksLoad: true }],
  ["--enable-tokenizer-info-endpoint", { tokenizerInfo: tokenizerFacts(new Map()) }],
];

describe("docs/api.md", () => {
  const { app: plainApp } = makeApp();
  const variables: Record<string, string> = { MODEL: "tiny" };

  test.each(EXAMPLES)("%s", async (command, section) => {
    const options = OPTIONS.filter(([name]) => section.includes(`Requires \`${name}\``));
    const context = Object.fromEntries(options.flatMap(([, one]) => Object.entries(one)));
    const app = options.length === 0 ? plainApp : makeApp({}, context).app;
    const { url, init } = callOf(command, variables);
    const response = await app.handle(new Request(url, init));
    const body = (await response.json()) as { id?: string };
    expect([response.status, body]).toEqual([200, expect.any(Object)]);
    if (body.id !== undefined && init.method === "POST") variables["ID"] = body.id;
  });

  test("has an example for each of its routes", () => {
    const routes = [...TEXT.matchAll(/^## (GET|POST|DELETE) (\S+)$/gm)].map(
      ([, method, path = ""]) => {
        const pattern = path.replace(/\{\w+\}/g, "[^/?]+");
        return [
          `${method} ${path}`,
          method,
          new RegExp(`^http://localhost:8000${pattern}(\\?.*)?$`),
        ] as const;
      },
    );
    const calls = EXAMPLES.map(([command]) => callOf(command, { ...variables, ID: "x" }));
    const missing = routes.filter(
      ([, method, url]) => !calls.some((call) => call.init.method === method && url.test(call.url)),
    );
    expect(missing.map(([route]) => route)).toEqual([]);
    expect(routes.length).toBeGreaterThan(0);
  });
});
