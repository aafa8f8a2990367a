// Renders templates with the same variables in Pagoda and in Jinja2 under transformers' rules.

import { expect } from "bun:test";
import { writeJson } from "../../src/json.ts";
import { PythonProgram } from "./python-program.ts";
import { loadTinyNative, type TinyNativeModel } from "./tiny-model.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const FLAGS = { addGenerationPrompt: false, continueFinalMessage: false };

export class JinjaComparison {
  readonly #tiny: TinyNativeModel;
  readonly #python: PythonProgram;
  readonly #variables: object;

  /** @param variables variables for every template; parseJson() preserves their number notation */
  static async start(variables: object): Promise<JinjaComparison> {
    return new JinjaComparison(await loadTinyNative({ addBos: false }), variables);
  }

  private constructor(tiny: TinyNativeModel, variables: object) {
    this.#tiny = tiny;
    this.#python = new PythonProgram("python-chat-template.py");
    this.#variables = variables;
  }

  /** @throws NativeError */
  render(chatTemplate: string): Promise<string> {
    const json = writeJson({ messages: MESSAGES, kwargs: this.#variables });
    return this.#tiny.model.applyChatTemplate({ json, chatTemplate, ...FLAGS });
  }

  /** @returns null if Pagoda rejects the template */
  ours(chatTemplate: string): Promise<string | null> {
    return this.render(chatTemplate).catch(() => null);
  }

  /** @returns null if Jinja2 rejects the template */
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

  /** Expects both engines to print the same for each template, or both to reject it. */
  async expectSame(templates: readonly string[]): Promise<void> {
    for (const template of templates) {
      const theirs = await this.theirs(template);
      expect([template, await this.ours(template)]).toEqual([template, theirs]);
    }
  }

  async stop(): Promise<void> {
    await this.#python.stop();
    await this.#tiny.remove();
  }
}

/** For each line of text, makes a template that prints the line as an expression. */
export function expressionsOf(lines: string): string[] {
  const expressions = lines.split("\n").filter((line) => line !== "");
  return expressions.map((expression) => `{{ ${expression} }}`);
}
