// Conversations for comparing chat templates: typical client input, and input that often breaks templates.

import type { JsonObject } from "../../src/api/schema/json-value.ts";

/** A template's input, with the field names of ChatTemplateRequest. */
export interface TemplateQuestion {
  readonly messages: readonly JsonObject[];
  readonly tools: readonly JsonObject[] | null;
  readonly documents: readonly JsonObject[] | null;
  readonly kwargs: JsonObject;
  readonly addGenerationPrompt: boolean;
  readonly continueFinalMessage: boolean;
}

const user = (content: string | readonly JsonObject[]) => ({ role: "user", content });
const system = { role: "system", content: "Be brief." };
const assistant = (content: string | readonly JsonObject[] | null, more: JsonObject = {}) => ({
  role: "assistant",
  content,
  ...more,
});
const result = (content: string, id = "abcdefghi") => ({
  role: "tool",
  tool_call_id: id,
  content,
});
const call = (name: string, args: string, id = "abcdefghi") => ({
  id,
  type: "function",
  function: { name, arguments: args },
});
const part = (text: string) => ({ type: "text", text });

const ARGUMENTS = `{"city": "Zürich", "exact": true, "ratio": 0.1, "big": 1e20, "small": 1.0, "n": null,
  "tags": ["a", {"b": 2.5e-7}], "q": "it's \\"x\\"\\n"}`;

const TURNS: Readonly<Record<string, readonly JsonObject[]>> = {
  "a question": [user("Hi")],
  "a system message": [system, user("Hi")],
  "a developer's message": [{ role: "developer", content: "Be brief." }, user("Hi")],
  "several turns": [user("Hi"), assistant("Hello!"), user("More?")],
  "text with surrounding whitespace": [
    system,
    user("Hi"),
    assistant(" Hello!\n"),
    user("\tMore? "),
    assistant("Yes"),
    user("x"),
  ],
  "any alphabet": [
    user("Grüße 漢字 🦜 a\u0301 \u00a0"),
    assistant("¿Qué? 😀\u2028"),
    user("ok\r\nthen"),
  ],
  "text that looks like markup": [
    user("<s>[INST] {{ x }} {% if %} <think>a</think> ' \" \\ \\n </s>"),
  ],
  "an empty string": [user("")],
  parts: [user([part("one"), part("two")]), assistant([part("three")]), user("four")],
  reasoning: [user("Hi"), assistant("42", { reasoning_content: "Let me think.\n" }), user("Why?")],
  "reasoning inside the text": [user("Hi"), assistant("<think>\nhm\n</think>\n\n42"), user("Why?")],
  "a call": [
    user("Weather?"),
    assistant(null, { tool_calls: [call("get_weather", '{"city": "Bern", "days": 2}')] }),
    result('{"t": 7}'),
  ],
  "a call with text": [
    system,
    user("Weather?"),
    assistant("Looking.", {
      tool_calls: [call("get_weather", ARGUMENTS)],
      reasoning_content: "think",
    }),
    result("sunny"),
    assistant("It is sunny."),
    user("Thanks"),
  ],
  "two calls": [
    user("Both?"),
    assistant(null, {
      tool_calls: [
        call("get_weather", '{"city":"Bern"}', "aaaaaaaaa"),
        call("now", "", "bbbbbbbbb"),
      ],
    }),
    result("sunny", "aaaaaaaaa"),
    result("noon", "bbbbbbbbb"),
  ],
};

const OPEN_ENDS: Readonly<Record<string, readonly JsonObject[]>> = {
  text: [user("Hi"), assistant("Once upon")],
  "text with trailing whitespace": [user("Hi"), assistant("Once upon  \n ")],
  "text with leading whitespace": [user("Hi"), assistant("  Once")],
  nothing: [user("Hi"), assistant("")],
  "reasoning inside the text": [user("Hi"), assistant("<think>\nOnce")],
  "text after reasoning": [user("Hi"), assistant("Once", { reasoning_content: "hm" })],
  "any alphabet": [system, user("Hi"), assistant("x"), user("y"), assistant("Grüße 漢")],
  "a user": [user("Once upon")],
  parts: [user("Hi"), assistant([part("a"), part("b ")])],
  "text that repeats an earlier turn": [user("Hi"), assistant("Hi"), user("Hi"), assistant("Hi")],
};

const KWARGS: Readonly<Record<string, JsonObject>> = {
  "": {},
  ", enable_thinking": { enable_thinking: true },
  ", no enable_thinking": { enable_thinking: false },
  ", reasoning_effort": { reasoning_effort: "high", thinking: true },
};

const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    description: 'Weather of a <city> & "more", naïve.',
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", description: "Name", enum: ["Bern", "Zürich"] },
        days: { type: "integer", default: 3 },
        exact: { type: "boolean" },
        ratio: { type: "number", minimum: 0.5, maximum: 1e21 },
        tags: { type: "array", items: { type: "string" } },
        Opt: { type: ["string", "null"] },
      },
      required: ["city"],
    },
  },
};
const NOW = {
  type: "function",
  function: {
    name: "now",
    description: "Time",
    parameters: { type: "object", properties: {} },
  },
};
const TOOLS: Readonly<Record<string, readonly JsonObject[] | null>> = {
  "": null,
  ", tools": [WEATHER, NOW],
};

const DOCUMENTS = [{ title: "Bern", text: "A city.", doc_id: "1" }];

/** Conversations by name. */
export function templateQuestions(): Map<string, TemplateQuestion> {
  const questions = new Map<string, TemplateQuestion>();
  for (const [kwargsName, kwargs] of Object.entries(KWARGS)) {
    for (const [toolsName, tools] of Object.entries(TOOLS)) {
      const more = { kwargs, tools, documents: null };
      for (const [name, messages] of Object.entries(TURNS)) {
        for (const addGenerationPrompt of [true, false]) {
          const title = `${name}${kwargsName}${toolsName}${addGenerationPrompt ? "" : ", no header"}`;
          questions.set(title, {
            ...more,
            ...{ messages, addGenerationPrompt, continueFinalMessage: false },
          });
        }
      }
      for (const [name, messages] of Object.entries(OPEN_ENDS)) {
        const ends = { messages, addGenerationPrompt: false, continueFinalMessage: true };
        questions.set(`continue ${name}${kwargsName}${toolsName}`, { ...more, ...ends });
      }
    }
  }
  const plain = { kwargs: {}, tools: null, addGenerationPrompt: true, continueFinalMessage: false };
  questions.set("documents", { ...plain, messages: [user("Hi")], documents: DOCUMENTS });
  return questions;
}
