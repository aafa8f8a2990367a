// Coding agents' conversations on templates that allow only one system message, at the start: prompts contain every
// message, in order, instead of causing an error.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTestModel } from "../support/native-step.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const TEMPLATES = join(import.meta.dir, "../../third_party/llama.cpp/models/templates");
const folder = mkdtempSync(join(tmpdir(), "pagoda-system-messages-"));
const path = join(folder, "tiny.gguf");

beforeAll(() => {
  writeTinyGguf(path, { addBos: false });
});
afterAll(() => rmSync(folder, { recursive: true }));

async function render(chatTemplate: string, messages: readonly object[], rest: object = {}) {
  const model = await loadTestModel(path, { chatTemplate });
  try {
    const json = JSON.stringify({ messages, tools: null, kwargs: {}, ...rest });
    return await model.applyChatTemplate({
      ...{ chatTemplate: "", json, addGenerationPrompt: true, continueFinalMessage: false },
    });
  } finally {
    await model.dispose();
  }
}

const templateOf = (name: string) => readFileSync(join(TEMPLATES, `${name}.jinja`), "utf8");
const say = (role: string, content: unknown) => ({ role, content });

/** A conversation like those that Claude Code and Codex send. */
const AGENT = [
  say("system", [
    { type: "text", text: "S1" },
    { type: "text", text: "S2" },
  ]),
  say("developer", "D1"),
  say("user", "U1"),
  say("assistant", "A1"),
  say("system", "S3"),
  say("user", "U2"),
];

const positions = (prompt: string, texts: readonly string[]) =>
  texts.map((text) => prompt.indexOf(text));

describe("system messages anywhere", () => {
  test.each([
    "Qwen3.5-4B",
    "google-gemma-2-2b-it",
    "Qwen3-Coder",
    "Qwen-Qwen3-0.6B",
    "meta-llama-Llama-3.2-3B-Instruct",
    "openai-gpt-oss-120b",
  ])("appear in %s's prompt once each, in order", async (name) => {
    const prompt = await render(templateOf(name), AGENT);
    const texts = ["S1", "S2", "D1", "U1", "A1", "S3", "U2"];
    const found = positions(prompt, texts);
    expect([found.includes(-1), found.toSorted((a, b) => a - b)]).toEqual([false, found]);
    expect(texts.map((text) => prompt.split(text).length)).toEqual(texts.map(() => 2));
  });

  test("are unchanged if the template accepts them", async () => {
    const shown = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}";
    expect(await render(shown, AGENT)).toBe(
      "[system]S1\nS2[developer]D1[user]U1[assistant]A1[system]S3[user]U2",
    );
  });
});

/** Accepts a system message only at the start, and no two consecutive messages with the same role. */
const STRICT = `{%- for m in messages %}
{%- if m.role == 'system' and not loop.first %}{{ raise_exception('System must be first.') }}{% endif %}
{%- if m.role not in ['system', 'user', 'assistant'] %}{{ raise_exception('Unknown role.') }}{% endif %}
{%- if loop.index0 > 0 and m.role == messages[loop.index0 - 1].role %}{{ raise_exception('No turns.') }}{% endif %}
{{- '[' ~ m.role ~ ']' ~ m.content }}{% endfor %}`;

/** Accepts no system message at all. */
const NONE = STRICT.replace("and not loop.first", "");

/** Shows a system message only at the start and leaves out later ones without an error. */
const SILENT = STRICT.replace("{{ raise_exception('System must be first.') }}", "{% continue %}");

describe("a strict template", () => {
  test.each([
    [
      "merges system messages at the start",
      [say("system", "a"), say("developer", "b"), say("user", "u")],
      "[system]a\n\nb[user]u",
    ],
    [
      "folds a later system message into the next user message",
      [say("user", "u"), say("assistant", "x"), say("system", "a"), say("user", "v")],
      "[user]u[assistant]x[user]a\n\nv",
    ],
    [
      "folds a later system message into the user message before it",
      [say("user", "u"), say("system", "a"), say("developer", "b"), say("assistant", "x")],
      "[user]u\n\na\n\nb[assistant]x",
    ],
    [
      "turns a system message at the end into a user message",
      [say("user", "u"), say("assistant", "x"), say("system", "a")],
      "[user]u[assistant]x[user]a",
    ],
    ["ignores an empty system message", [say("user", "u"), say("system", "")], "[user]u"],
  ])("%s", async (_, messages, expected) => {
    expect(await render(STRICT, messages)).toBe(expected);
  });

  test("that would leave out later system messages gets them as user messages", async () => {
    const messages = [
      say("system", "s"),
      say("user", "u"),
      say("assistant", "x"),
      say("system", "t"),
    ];
    expect(await render(SILENT, messages)).toBe("[system]s[user]u[assistant]x[user]t");
  });

  test("without a system role gets system messages in the first user message", async () => {
    const messages = [say("system", "s"), say("user", "u"), say("assistant", "x")];
    expect(await render(NONE, messages)).toBe("[user]s\n\nu[assistant]x");
  });

  test("still refuses other messages with its own error text", async () => {
    const twice = [say("system", "s"), say("user", "u"), say("user", "v")];
    await expect(render(STRICT, twice)).rejects.toThrow("No turns.");
    await expect(render(STRICT, [say("user", "u"), say("tool", "t")])).rejects.toThrow(
      "Unknown role.",
    );
  });

  test("that expects lists of parts gets them", async () => {
    const parts = `{%- for m in messages %}
{%- if m.role == 'system' and not loop.first %}{{ raise_exception('System must be first.') }}{% endif %}
{{- '[' ~ m.role ~ ']' }}{% for p in m.content %}<{{ p.text }}>{% endfor %}{% endfor %}`;
    const messages = [say("user", "u"), say("system", [{ type: "text", text: "a" }])];
    expect(await render(parts, messages)).toBe("[user]<u><a>");
  });
});
