// The pages for users are the tables'.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { optionsPage } from "../../scripts/generate-cli-docs.ts";
import { manPage } from "../../scripts/man-page.ts";
import { COMMANDS, type CommandSpec } from "../../src/cli/commands.ts";
import { EXIT_CODE_MEANINGS, EXIT_CODES } from "../../src/cli/exit-codes.ts";

const page = (name: string) => readFileSync(join(import.meta.dir, "../../docs", name), "utf8");

test("docs/options.md and the man page are what the tables say", () => {
  expect(page("options.md")).toBe(optionsPage());
  expect(page("pagoda.1")).toBe(manPage());
});

test("docs/cli.md has every command and every exit code", () => {
  const text = page("cli.md");
  for (const { name, isHidden } of COMMANDS as readonly CommandSpec[]) {
    if (isHidden !== true) expect(text).toContain(`| \`${name}`);
  }
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    const meaning = EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES];
    expect(text).toContain(`| ${code} | ${meaning} |`);
  }
});

test("no line of the man page is a macro by mistake", () => {
  const lines = manPage()
    .split("\n")
    .filter((line) => /^[.']/.test(line));
  const known = /^\.(\\"|TH|SH|TP|PP|B|BR|I|RI)( |$)/;
  expect(lines.filter((line) => !known.test(line))).toEqual([]);
});
