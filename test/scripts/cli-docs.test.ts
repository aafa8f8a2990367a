// The user documentation matches the tables of commands and options.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { optionsPage } from "../../scripts/generate-cli-docs.ts";
import { manPage } from "../../scripts/man-page.ts";
import { COMMANDS, type CommandSpec, optionsOf } from "../../src/cli/commands.ts";
import { EXIT_CODE_MEANINGS, EXIT_CODES } from "../../src/cli/exit-codes.ts";
import { OPTIONS } from "../../src/cli/options.ts";

const page = (name: string) => readFileSync(join(import.meta.dir, "../../docs", name), "utf8");

test("docs/options.md and the man page match the tables of commands and options", () => {
  expect(page("options.md")).toBe(optionsPage());
  expect(page("pagoda.1")).toBe(manPage());
});

test("docs/cli.md lists every command and every exit code", () => {
  const text = page("cli.md");
  for (const { name, isHidden } of COMMANDS as readonly CommandSpec[]) {
    if (isHidden !== true) expect(text).toContain(`| \`${name}`);
  }
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    const meaning = EXIT_CODE_MEANINGS[name as keyof typeof EXIT_CODES];
    expect(text).toContain(`| ${code} | ${meaning} |`);
  }
});

test("no line of the man page is an unintended macro", () => {
  const lines = manPage()
    .split("\n")
    .filter((line) => /^[.']/.test(line));
  const known = /^\.(\\"|TH|SH|TP|PP|B|BR|I|RI)( |$)/;
  expect(lines.filter((line) => !known.test(line))).toEqual([]);
});

/** Options and the commands that accept them, as listed on the page. */
function takersOnPage(): [string, string[]][] {
  return optionsPage()
    .split(/^## /m)
    .flatMap((section) => {
      const options = [...section.matchAll(/^\| `--([a-z-]+)` \| `PAGODA/gm)].map(
        ([, name]) => name,
      );
      const [, , sentence = ""] = section.split("\n");
      const whole = namesOf(/^For ([^.]*)\./.exec(sentence)?.[1]);
      return options.map((name = ""): [string, string[]] => {
        const also = new RegExp(`\`--${name}\`: (?:also )?for ([^.]*)\\.`).exec(sentence)?.[1];
        return [name, [...whole, ...namesOf(also)].sort()];
      });
    });
}

const namesOf = (list = "") => [...list.matchAll(/`([a-z-]+)`/g)].map(([, name = ""]) => name);

test("docs/options.md lists exactly the commands that accept each option", () => {
  const shown = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
  const takers = OPTIONS.map(({ name }): [string, string[]] => {
    const commands = shown.filter((one) => optionsOf(one).some((option) => option.name === name));
    return [name, commands.map((command) => command.name).sort()];
  });
  expect(Object.fromEntries(takersOnPage())).toEqual(Object.fromEntries(takers));
});

test("examples begin with their command and can be copied from the man page", () => {
  const commands = COMMANDS as readonly CommandSpec[];
  for (const { name, examples } of commands) {
    for (const example of examples) expect(example.split(" ")[0]).toBe(name);
  }
  const lines = manPage().split("\n");
  expect(lines).toContain(".B pagoda completion bash >> \\(ti/.bashrc");
  expect(lines).toContain(
    ".B pagoda complete \\(aqThe capital of France is\\(aq \\-\\-max\\-tokens 5",
  );
});
