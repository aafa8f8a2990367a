// Calls in a conversation's history, rendered by every chat template in the pinned llama.cpp. The format that is
// selected for the template reads exactly these calls from the prompt, and its grammar for forced calls allows their text.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { callableTools } from "../../src/api/callable-tools.ts";
import { toolCallId } from "../../src/api/tool-call-id.ts";
import { answerGrammar } from "../../src/formats/answer-grammar.ts";
import { chatFormatOf } from "../../src/formats/chat-format.ts";
import { opensReasoning } from "../../src/formats/reasoning-formats.ts";
import type { ChatFormat } from "../../src/protocol/message-parsing.ts";
import { GrammarProbe } from "../support/grammar-probe.ts";
import { parseMessage } from "../support/parse-message.ts";

const TEMPLATES = join(import.meta.dir, "../../third_party/llama.cpp/models/templates");

/** Templates that leave calls out of the prompt. */
const FORGETFUL = [
  ...["HuggingFaceTB-SmolLM3-3B", "LFM2-8B-A1B", "LFM2.5-Instruct", "google-gemma-2-2b-it"],
  ...["deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "ibm-granite-granite-3.3-2B-Instruct"],
  ...["llama-cpp-rwkv-world", "microsoft-Phi-3.5-mini-instruct"],
];

/** Templates that show or allow only one call in a message. */
const SINGLE = [
  ...["GigaChat3-10B-A1.8B", "GigaChat3.1-10B-A1.8B", "meta-llama-Llama-3.1-8B-Instruct"],
  ...["meta-llama-Llama-3.2-3B-Instruct", "meta-llama-Llama-3.3-70B-Instruct"],
  "openai-gpt-oss-120b",
];

const NAMES = readdirSync(TEMPLATES)
  .filter((name) => name.endsWith(".jinja"))
  .map((name) => name.replace(/\.jinja$/, ""))
  .sort();

/** Templates whose call layout the grammar follows, each with the text after the calls. */
const ENFORCED: Readonly<Record<string, string>> = {
  "Kimi-K3": "<|close|>message<|sep|><|end_of_msg|>",
  "MiniMax-M3": "[e~[\n",
  "MiniMax-M1": "<end_of_sentence>\n",
  "Qwen3-Coder": "<|im_end|>\n",
  "deepseek-ai-DeepSeek-V4": "<｜end▁of▁sentence｜>",
  "meetkai-functionary-medium-v3.2": "<|eot_id|>",
  "openbmb-MiniCPM5-1B": "<|im_end|>\n",
  "upstage-Solar-Open-100B": "",
};

const property = (type: string) => ({ type, description: `A ${type}.` });
const PROPERTIES = {
  city: property("string"),
  zip: property("string"),
  days: property("integer"),
  exact: property("boolean"),
};
const TOOLS = ["get_weather", "get_time"].map((name) => ({
  type: "function",
  function: {
    ...{ name, description: "It tells." },
    parameters: { type: "object", properties: PROPERTIES, required: Object.keys(PROPERTIES) },
  },
}));
type Call = readonly [name: string, args: object];
const CALLS: readonly Call[] = [
  ["get_weather", { city: "Zürich <&> 8\nSwitzerland", zip: "8001", days: 2, exact: true }],
  ["get_time", { city: "", zip: " 0", days: -1, exact: false }],
];

let probe: GrammarProbe;

beforeAll(async () => {
  probe = await GrammarProbe.load();
});

afterAll(() => probe?.remove());

const USER = { role: "user", content: "Weather?" };

/** @param format determines the format of the ID */
function toolCall(format: ChatFormat, [name, args]: Call, index: number) {
  const parsing = {
    ...{ ...format, tools: [], holdsCalls: true, onlyFirstCall: false, thinkingTokenBudget: null },
  };
  const id = toolCallId({ parsing, body: { messages: [] } }, name, index);
  return { id, type: "function", function: { name, arguments: JSON.stringify(args) } };
}

/** @returns the prompt without the assistant's message, and this message as rendered */
async function rendered(template: string, calls: readonly Call[]) {
  const render = (messages: readonly object[], addGenerationPrompt: boolean) => {
    const json = JSON.stringify({ messages, tools: TOOLS, kwargs: {} });
    const flags = { addGenerationPrompt, continueFinalMessage: false };
    return probe.model.applyChatTemplate({ json, chatTemplate: template, ...flags });
  };
  const answer = {
    role: "assistant",
    content: null,
    tool_calls: calls.map((one, i) => toolCall(chatFormatOf(template), one, i)),
  };
  const all = await render([USER, answer], false);
  const prompts = [await render([USER], true), await render([USER], false)];
  const prompt = prompts.find((one) => all.startsWith(one)) ?? "";
  return { prompt, text: all.slice(prompt.length) };
}

const templateOf = (name: string) => readFileSync(join(TEMPLATES, `${name}.jinja`), "utf8");

describe("a call in the history is read back from the prompt", () => {
  test.each(NAMES)("rendered by %s", async (name) => {
    const template = templateOf(name);
    const format = chatFormatOf(template);
    const sent = CALLS.slice(0, SINGLE.includes(name) ? 1 : 2);
    const { prompt, text } = await rendered(template, sent);
    if (FORGETFUL.includes(name)) {
      expect(text).not.toContain("get_weather");
      return;
    }
    const tools = callableTools(TOOLS, format.toolParser);
    const { calls } = parseMessage([text], { ...format, tools }, prompt);
    const read = calls.map(([tool, json]): Call => [tool, JSON.parse(json)]);
    expect(read).toEqual([...sent]);
  });
});

test.each(Object.entries(ENFORCED))(
  "the grammar allows the calls in %s's format",
  async (name, end) => {
    const template = templateOf(name);
    const format = chatFormatOf(template);
    const { prompt, text } = await rendered(template, CALLS);
    expect(text).toEndWith(end);
    const tools = TOOLS.map((tool) => ({
      ...{ name: tool.function.name, schema: tool.function.parameters, isLenient: false },
    }));
    const texts = answerGrammar(format, new Map(), { kind: "calls", tools, onlyFirstCall: false });
    const isOpen = opensReasoning(format, prompt);
    const grammar = await probe.compileUnforced(
      "lark",
      (isOpen ? texts?.afterOpen : texts?.otherwise) ?? "",
    );
    const output = text.slice(0, text.length - end.length).trimStart();
    expect(await probe.accepts(grammar, output)).toBe(true);
    expect(await probe.accepts(grammar, output.replace("get_time", "get_times"))).toBe(false);
  },
);
