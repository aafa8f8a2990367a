// --chat-template: a file path or the template itself; a path is never mistaken for a template.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { ConfigError } from "../../src/errors.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const folder = mkdtempSync(join(tmpdir(), "pagoda-template-option-"));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

const MODEL = join(folder, "model.gguf");
writeTinyGguf(MODEL);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function templateOf(option: string): string {
  const sources = { argv: [`--chat-template=${option}`], env: {}, readYaml: () => ({}) };
  return engineConfig(
    parseOptions("serve", sources, () => {}),
    MODEL,
  ).chatTemplate;
}

function refusal(option: string): string {
  try {
    return `taken: ${templateOf(option)}`;
  } catch (error) {
    if (error instanceof ConfigError && error.code === "invalid_option") return error.message;
    throw error;
  }
}

describe("--chat-template", () => {
  test("reads a file with any name", () => {
    expect(templateOf(file("a.jinja", "{{ messages }}\n"))).toBe("{{ messages }}\n");
    expect(templateOf(file("{b}.jinja", "plain"))).toBe("plain");
  });

  test("accepts a template as text if it cannot be a path", () => {
    for (const text of ["{{ messages[0].content }}", "{% if a %}b{% endif %}", "one\ntwo"]) {
      expect(templateOf(text)).toBe(text);
    }
    const long = "{{ '".concat("x".repeat(10_000), "' }}");
    expect(templateOf(long)).toBe(long);
  });

  test("rejects a file that is not UTF-8, whose characters would be replaced", () => {
    const path = join(folder, "utf-16.jinja");
    writeFileSync(path, Buffer.from("\ufeff{{ messages }}", "utf16le"));
    const reason = `--chat-template: cannot read ${path}: its text is not UTF-8`;
    expect(refusal(path)).toBe(reason);
  });

  test("defaults to the model's own template", () => {
    expect(templateOf("")).toBe("");
  });

  test("causes an error with the reason if the file cannot be read", () => {
    const nowhere = join(folder, "nowhere.jinja");
    const missing = "no such file or directory";
    expect(refusal(nowhere)).toBe(`--chat-template: cannot read ${nowhere}: ${missing}`);
    expect(refusal("chatml")).toBe(`--chat-template: cannot read chatml: ${missing}`);
    const inner = join(folder, "folder");
    mkdirSync(inner);
    expect(refusal(inner)).toBe(`--chat-template: cannot read ${inner}: it is a folder`);
  });

  test("causes an error if the file is empty", () => {
    const path = file("empty.jinja", " \n");
    expect(refusal(path)).toBe(`--chat-template: ${path} is empty`);
  });
});
