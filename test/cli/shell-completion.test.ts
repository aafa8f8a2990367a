// Shell completions, tested with the real shells that are installed.

import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { delimiter, join } from "node:path";
import { COMMANDS, type CommandSpec } from "../../src/cli/commands.ts";
import { SHELLS, shellCompletionScript } from "../../src/cli/shell-completion.ts";
import { removeTempFolders, tempFolder, writeFiles } from "../support/temp-checkout.ts";

/** A folder with a fake `pagoda` that lists two models. */
const folder = tempFolder();
writeFiles(folder, {
  pagoda: "#!/bin/sh\nprintf 'user/repo:Q8_0\\nuser/other:F16\\n'\n",
  "mine.gguf": "",
  "text.txt": "",
});
afterAll(removeTempFolders);
chmodSync(join(folder, "pagoda"), 0o755);

function runShell(shell: string, program: string): string {
  const PATH = `${folder}${delimiter}${process.env["PATH"]}`;
  const env = { ...process.env, PATH, HOME: folder };
  const { stdout } = Bun.spawnSync([shell, "-c", program], { cwd: folder, env });
  return stdout.toString();
}

/** Completions that bash offers for a partial line. */
function offered(line: string, wordBreaks = "=;|&(:"): string[] {
  const program = `${shellCompletionScript("bash")}
COMP_LINE=${JSON.stringify(line)}; COMP_POINT=\${#COMP_LINE}; COMP_WORDBREAKS=$' \\t\\n"><${wordBreaks}'
_pagoda; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return runShell("bash", program).split("\n").filter(Boolean);
}

const commands = (COMMANDS as readonly CommandSpec[]).filter(({ isHidden }) => isHidden !== true);
const names = commands.map(({ name }) => name);

describe("bash", () => {
  test.each([
    ["pagoda ", [...names, "help", "--help", "--version"]],
    ["pagoda help ser", ["serve"]],
    ["pagoda doc", ["doctor"]],
    ["pagoda serve --kv-cache-dt", ["--kv-cache-dtype"]],
    ["pagoda serve --kv-cache-dtype ", ["auto", "f16", "bf16", "f32", "q8_0"]],
    ["pagoda serve --kv-cache-dtype=", ["auto", "f16", "bf16", "f32", "q8_0"]],
    ["pagoda serve --kv-cache-dtype=bf", ["bf16"]],
    ["pagoda doctor --config=t", ["text.txt"]],
    ["pagoda chat --model=user/repo:", ["Q8_0"]],
    ["pagoda serve --port=", []],
    ["pagoda serve --no-enable-pre", ["--no-enable-prefix-caching"]],
    ["pagoda serve ", ["user/repo:Q8_0", "user/other:F16", "mine.gguf"]],
    ["pagoda chat user/r", ["user/repo:Q8_0"]],
    ["pagoda chat user/repo:", ["Q8_0"]],
    ["pagoda doctor --config t", ["text.txt"]],
    ["pagoda completion ", ["bash", "zsh", "fish"]],
    ["pagoda ps ", []],
    ["pagoda pull --port", []],
  ])("%p", (line, expected) => {
    expect(offered(line)).toEqual(expected);
  });
});

test("bash gets the whole word if = is not a word break", () => {
  expect(offered("pagoda serve --kv-cache-dtype=bf", ":")).toEqual(["--kv-cache-dtype=bf16"]);
});

test("fish offers the same completions", () => {
  if (Bun.which("fish") === null) return console.log("skipped: fish is not installed");
  const ask = (line: string) => {
    const text = runShell(
      "fish",
      `${shellCompletionScript("fish")}\ncomplete -C ${JSON.stringify(line)}`,
    );
    return text.split("\n").map((row) => row.split("\t")[0]);
  };
  expect(ask("pagoda ")).toEqual(expect.arrayContaining(names));
  expect(ask("pagoda chat user/r")).toContain("user/repo:Q8_0");
  expect(ask("pagoda serve --kv-cache-dtype q")).toContain("q8_0");
});

test.each(SHELLS)("%s can parse its script", (shell) => {
  if (Bun.which(shell) === null) return console.log(`skipped: ${shell} is not installed`);
  const path = join(folder, `script.${shell}`);
  writeFiles(folder, { [`script.${shell}`]: shellCompletionScript(shell) });
  const { exitCode, stderr } = Bun.spawnSync([shell, "-n", path]);
  expect([stderr.toString(), exitCode]).toEqual(["", 0]);
});

test("every command and option is in every script", () => {
  for (const shell of SHELLS) {
    const script = shellCompletionScript(shell);
    for (const name of names) expect(script).toContain(name);
    for (const option of ["max-model-len", "extra-body", "revision"]) {
      expect(script).toContain(option);
    }
    expect(script).not.toContain("engine)");
  }
});
