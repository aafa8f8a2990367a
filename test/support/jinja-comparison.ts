// Renders one template with Pagoda's engine and with Jinja2 under transformers' rules, with the same variables.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeJson } from "../../src/json.ts";
import type { NativeModel } from "../../src/runner/addon-types.ts";
import { loadTestModel } from "./native-step.ts";
import { PythonProgram } from "./python-program.ts";
import { writeTinyGguf } from "./tiny-gguf.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const FLAGS = { addGenerationPrompt: false, continueFinalMessage: false };

export class JinjaComparison {
  readonly #folder: string;
  readonly #model: NativeModel;
  readonly #python: PythonProgram;
  readonly #variables: object;

  /** @param variables for every template; parseJson() preserves the notation of their numbers */
  static async start(variables: object): Promise<JinjaComparison> {
    const folder = mkdtempSync(join(tmpdir(), "pagoda-jinja-"));
    const path = join(folder, "tiny.gguf");
    writeTinyGguf(path, { addBos: false });
    return new JinjaComparison(folder, await loadTestModel(path), variables);
  }

  private constructor(folder: string, model: NativeModel, variables: object) {
    this.#folder = folder;
    this.#model = model;
    this.#python = new PythonProgram("python-chat-template.py");
    this.#variables = variables;
  }

  /** @throws NativeError */
  render(chatTemplate: string): Promise<string> {
    const json = writeJson({ messages: MESSAGES, kwargs: this.#variables });
    return this.#model.applyChatTemplate({ json, chatTemplate, ...FLAGS });
  }

  /** @returns null if it is refused */
  ours(chatTemplate: string): Promise<string | null> {
    return this.render(chatTemplate).catch(() => null);
  }

  /** @returns null if Jinja2 refuses it */
  async theirs(chatTemplate: string): Promise<string | null> {
    const question = {
      ...FLAGS,
      messages: MESSAGES,
      kwargs: this.#variables,
      tools: null,
      documents: null,
    };
    const [outcome] = await this.#python.ask<{ prompt?: string }[]>(chatTemplate, {}, [question]);
    return outcome?.prompt ?? null;
  }

  async stop(): Promise<void> {
    await this.#python.stop();
    await this.#model.dispose();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Templates that print each line of a text as an expression. */
export function expressionsOf(lines: string): string[] {
  const expressions = lines.split("\n").filter((line) => line !== "");
  return expressions.map((expression) => `{{ ${expression} }}`);
}
