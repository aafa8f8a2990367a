// Converts input items to chat messages. The model's reasoning, text and calls within one turn become one message.
// Items of unknown types are skipped, since clients send new types to every server.

import { writeJson } from "../../json.ts";
import { CUSTOM_INPUT } from "../custom-tool.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { reasoningText } from "./reasoning.ts";
import { flatName } from "./tools.ts";

/** @returns an input's items; text becomes a single item; [] for null */
export function itemsOf(input: string | readonly JsonObject[] | null): readonly JsonObject[] {
  if (typeof input !== "string") return input ?? [];
  return [{ type: "message", role: "user", content: [{ type: "input_text", text: input }] }];
}

/** @returns the tools that items add to the body's tools */
export function addedTools(items: readonly JsonObject[]): JsonObject[] {
  return items.flatMap(({ type, tools }) =>
    type === "additional_tools" && Array.isArray(tools) ? tools.filter(isObject) : [],
  );
}

/** @returns messages in the format of /v1/chat/completions */
export function messagesOf(items: readonly JsonObject[]): JsonObject[] {
  const turns = new Turns();
  for (const item of items) turns.add(item);
  return turns.end();
}

interface AssistantTurn {
  content: Json;
  readonly thoughts: string[];
  readonly calls: JsonObject[];
}

const OUTPUTS: readonly Json[] = ["function_call_output", "custom_tool_call_output"];

class Turns {
  readonly #messages: JsonObject[] = [];
  readonly #toolNames = new Map<Json | undefined, string>();
  #assistant: AssistantTurn | null = null;

  add(item: JsonObject): void {
    const type = item["type"] ?? "message";
    if (type === "message") this.#addMessage(item);
    else if (type === "reasoning") this.#addReasoning(reasoningText(item));
    else if (type === "function_call") this.#addCall(item, argumentsOf(item));
    else if (type === "custom_tool_call") this.#addCall(item, customArguments(item));
    else if (OUTPUTS.includes(type)) this.#addOutput(item);
  }

  end(): JsonObject[] {
    this.#endAssistant();
    return this.#messages;
  }

  #addMessage({ role, content }: JsonObject): void {
    const shown = contentOf(content);
    if (role !== "assistant") {
      this.#endAssistant();
      // Templates do not know the developer role, which is OpenAI's replacement for the system role.
      this.#messages.push({
        role: role === "developer" ? "system" : (role ?? "user"),
        content: shown,
      });
      return;
    }
    const turn = this.#assistant;
    if (turn !== null && (turn.content !== null || turn.calls.length > 0)) this.#endAssistant();
    this.#turn().content = shown;
  }

  #addReasoning(text: string): void {
    if (text !== "") this.#turn().thoughts.push(text);
  }

  #addCall({ call_id: id = "", name = "", namespace }: JsonObject, text: string): void {
    const called = flatName(textOr(name), typeof namespace === "string" ? namespace : null);
    this.#toolNames.set(id, called);
    this.#turn().calls.push({ id, type: "function", function: { name: called, arguments: text } });
  }

  #addOutput({ call_id: id = "", output }: JsonObject): void {
    this.#endAssistant();
    const name = this.#toolNames.get(id);
    const named = name === undefined ? {} : { name };
    this.#messages.push({ role: "tool", tool_call_id: id, ...named, content: outputText(output) });
  }

  #turn(): AssistantTurn {
    this.#assistant ??= { content: null, thoughts: [], calls: [] };
    return this.#assistant;
  }

  #endAssistant(): void {
    const turn = this.#assistant;
    this.#assistant = null;
    if (turn === null) return;
    const { content, thoughts, calls } = turn;
    this.#messages.push({
      role: "assistant",
      content,
      ...(thoughts.length > 0 && { reasoning_content: thoughts.join("\n") }),
      ...(calls.length > 0 && { tool_calls: calls }),
    });
  }
}

/** @returns a single text part as a string, since not all templates accept lists. The chat refuses other parts. */
function contentOf(content: Json | undefined): Json {
  if (!Array.isArray(content)) return content ?? "";
  const [first] = content;
  const { text, refusal } = isObject(first) ? first : {};
  const only = text ?? refusal;
  return content.length === 1 && typeof only === "string" ? only : content;
}

/** Replaces media in tool outputs with a note. Refusing media would end the session, since it stays in the history. */
function outputText(output: Json | undefined): string {
  if (typeof output === "string") return output;
  if (!Array.isArray(output))
    return output === undefined || output === null ? "" : writeJson(output);
  const texts = output.filter(isObject).map(({ type, text }) => {
    return typeof text === "string" ? text : `[${type} omitted: the model reads only text]`;
  });
  return texts.join("\n");
}

const textOr = (text: Json | undefined): string => (typeof text === "string" ? text : "");

/** OpenAI's clients send text, but others send an object. */
function argumentsOf({ arguments: given = null }: JsonObject): string {
  if (typeof given === "string") return given;
  return given === null ? "" : writeJson(given);
}

const customArguments = ({ input }: JsonObject): string =>
  writeJson({ [CUSTOM_INPUT]: textOr(input) });
