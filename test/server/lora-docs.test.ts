// The commands in docs/lora.md, as written.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loraConfig, loraModules } from "../../src/cli/lora-config.ts";
import { OPTIONS } from "../../src/cli/options.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { callOf } from "../support/curl-example.ts";
import { makeApp } from "../support/fake-engine.ts";

const TEXT = readFileSync(join(import.meta.dir, "../../docs/lora.md"), "utf8");
const EXAMPLES = [...TEXT.matchAll(/^```sh\n([\s\S]*?)\n```$/gm)].map(
  ([, command = ""]) => command,
);
const examplesOf = (program: string) => EXAMPLES.filter((text) => text.startsWith(program));

describe("docs/lora.md", () => {
  const scheduler = { adapterLimits: { maxLoras: 4, maxLoadedLoras: 4 } };
  const { app, post } = makeApp({ scheduler }, { allowsLoraUpdates: true });

  test.each(examplesOf("curl"))("%s", async (command) => {
    await post("/v1/load_lora_adapter", { lora_name: "sql", lora_path: "/sql.gguf" });
    const { url, init } = callOf(command, {});
    const response = await app.handle(new Request(url, init));
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
  });

  test.each(examplesOf("pagoda"))("%s", (line) => {
    const [, command = "", ...argv] = line.split(" ");
    const sources = { argv, env: {}, readYaml: () => ({}) };
    const options = parseOptions(command as "serve", sources, (text) => {
      throw new Error(text);
    });
    expect(loraConfig(options)).not.toBeNull();
    expect(loraModules(options).map(({ name }) => name)).toContain("sql");
  });

  test("has every option, with its default", () => {
    const isDocumented = ({ name }: (typeof OPTIONS)[number]) => TEXT.includes(`| \`--${name}\` |`);
    const found = OPTIONS.filter(({ name }) => /lora/.test(name)).filter(isDocumented);
    const names: string[] = found.map(({ name }) => name);
    expect(names).toEqual([
      ...["enable-lora", "lora-modules", "max-loras", "max-lora-rank", "max-cpu-loras"],
      "allowed-lora-paths",
    ]);
    expect(TEXT).toContain("| `--max-loras` | 1 |");
    expect(TEXT).toContain("| `--max-lora-rank` | 16 |");
  });
});
