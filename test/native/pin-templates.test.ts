// Every chat template in the pinned llama.cpp, compared with Jinja2 under the rules of transformers
// and vLLM. Pagoda and Jinja2 must render the same prompt or both refuse the conversation.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { type TemplateQuestion, templateQuestions } from "../support/conversations.ts";
import { loadTestModel } from "../support/native-step.ts";
import { PYTHON, PythonProgram, sayIfPythonIsMissing } from "../support/python-program.ts";
import { writeTinyGguf } from "../support/tiny-gguf.ts";

const TEMPLATES = join(import.meta.dir, "../../third_party/llama.cpp/models/templates");
const NAMES = readdirSync(TEMPLATES)
  .filter((name) => name.endsWith(".jinja"))
  .sort();

/**
 * Templates that Python refuses but Pagoda renders, since missing values are empty strings and
 * lists can grow. Users get a prompt instead of an error.
 */
const LENIENT: Readonly<Record<string, RegExp>> = {
  "Kimi-K2-Instruct.jinja": /^SecurityError: access to attribute 'append'/,
  "Kimi-K2-Thinking.jinja": /^SecurityError: access to attribute 'append'/,
  "fireworks-ai-llama-3-firefunction-v2.jinja": /^UndefinedError: 'functions' is undefined/,
  "llama-cpp-deepseek-r1.jinja": /^TypeError: Object of type generator is not JSON serializable/,
  "meetkai-functionary-medium-v3.2.jinja": /^TypeError: can only concatenate str \(not "dict"\)/,
  "unsloth-mistral-Devstral-Small-2507.jinja": /^UndefinedError: list object has no element 0/,
};

/**
 * Templates where Python HTML-escapes strings that are appended to the `safe` filter's result,
 * although the output is not HTML. A model must not see `&#34;`.
 */
const ESCAPED = ["meetkai-functionary-medium-v3.1.jinja"];

function unescaped(text: string): string {
  const letters = { "&#34;": '"', "&#39;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&" };
  return text.replace(/&(#34|#39|lt|gt|amp);/g, (mark) => letters[mark as keyof typeof letters]);
}

const folder = mkdtempSync(join(tmpdir(), "pagoda-pin-templates-"));
const path = join(folder, "tiny.gguf");
let python: PythonProgram;

beforeAll(() => {
  writeTinyGguf(path, { addBos: false });
  if (PYTHON !== null) python = new PythonProgram("python-chat-template.py");
});

afterAll(async () => {
  await python?.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Outcome = { readonly prompt: string } | { readonly error: string };

const errorOf = (error: unknown): Outcome => ({ error: (error as Error).message });

function ours(model: NativeModel, question: TemplateQuestion): Promise<Outcome> {
  const { messages, tools, documents, kwargs, ...flags } = question;
  const json = JSON.stringify({ messages, tools, documents, kwargs });
  const rendered = model.applyChatTemplate({ json, chatTemplate: "", ...flags });
  return rendered.then((prompt) => ({ prompt }), errorOf);
}

function theirs(template: string, questions: readonly TemplateQuestion[]): Promise<Outcome[]> {
  return python.ask(template, { bos_token: "<s>", eos_token: "</s>" }, questions);
}

const SYSTEM_TEXT = "Be brief.";

/**
 * If a template rejects system messages, Python fails; if it ignores them, Python drops them. Pagoda includes them in the
 * prompt either way.
 */
function losesSystem({ messages }: TemplateQuestion, theirs: Outcome): boolean {
  const isSent = messages.some(({ content }) => content === SYSTEM_TEXT);
  return isSent && !("prompt" in theirs && theirs.prompt.includes(SYSTEM_TEXT));
}

/** An error that the template itself raises is reported with its text. */
function expected(
  name: string,
  question: TemplateQuestion,
  theirs: Outcome,
  ours: Outcome,
): Outcome {
  if (losesSystem(question, theirs)) {
    // Without the system message, the rest can still be refused.
    const isShown = "prompt" in ours && ours.prompt.includes(SYSTEM_TEXT);
    if (isShown || ("error" in theirs && "error" in ours)) return ours;
  }
  if ("prompt" in theirs) {
    return ESCAPED.includes(name) ? { prompt: unescaped(theirs.prompt) } : theirs;
  }
  if (LENIENT[name]?.test(theirs.error) === true) return ours;
  const [, raised] = /^TemplateError: ([^\n]*)$/.exec(theirs.error) ?? [];
  return { error: raised ?? ("error" in ours ? ours.error : theirs.error) };
}

sayIfPythonIsMissing();

test("the pinned llama.cpp has 70 templates", () => {
  expect(NAMES.length).toBe(70);
});

describe.skipIf(PYTHON === null)("the prompt matches transformers'", () => {
  const titles = [...templateQuestions().keys()];
  const questions = [...templateQuestions().values()];
  for (const name of NAMES) {
    test(name, async () => {
      const template = readFileSync(join(TEMPLATES, name), "utf8");
      const model = await loadTestModel(path, { chatTemplate: template });
      const references = await theirs(template, questions);
      const mine = await Promise.all(questions.map((question) => ours(model, question)));
      const wanted = references.map((reference, i) =>
        expected(name, questions[i] as TemplateQuestion, reference, mine[i] as Outcome),
      );
      const named = (outcomes: readonly Outcome[]) =>
        outcomes.map((outcome, i) => [titles[i], outcome]);
      expect(named(mine)).toEqual(named(wanted));
      await model.dispose();
    }, 60_000);
  }
});
