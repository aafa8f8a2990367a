// Builds a chat template's inputs from the body's fields, which chat_template_kwargs overrides. The rules
// are those of vLLM 0.13 (_preprocess_chat, resolve_chat_template_kwargs).

import { RequestError } from "../errors.ts";
import { MAX_ORDERED_MEMBERS, writeJson } from "../json.ts";
import type { ChatTemplateRequest } from "../protocol/chat-template-request.ts";
import type { ApiContext } from "./api-context.ts";
import type { ChatMessage } from "./chat-messages.ts";
import { parseBody } from "./parse-body.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";
import { boolean, list, object, optional } from "./schema/types.ts";
import type { ChatBody } from "./schemas.ts";

type TemplateBody = Pick<
  ChatBody,
  | "tools"
  | "add_generation_prompt"
  | "continue_final_message"
  | "chat_template"
  | "chat_template_kwargs"
> &
  Partial<Pick<ChatBody, "documents" | "reasoning_effort">> & {
    readonly add_special_tokens?: boolean | null;
  };

/** Template inputs that kwargs can set; they override the body's fields of the same name. */
const INPUTS = {
  add_generation_prompt: optional(boolean, false),
  continue_final_message: optional(boolean, false),
  tools: optional(list(object)),
  documents: optional(list(object)),
} as const;

/**
 * Inputs that kwargs must not set; a chat_template of null is ignored. vLLM names some of them in an error; the others
 * fail because a Python function receives them twice.
 */
const RESERVED = [
  ...["chat_template", "tokenize", "messages", "conversation"],
  ...["tokenizer", "model_config"],
] as const;

type TemplateContext = Pick<ApiContext, "trustsRequestTemplates" | "templateVariables"> &
  Partial<Pick<ApiContext, "contentFormat">>;

/** @throws RequestError "invalid_value" or "invalid_schema" */
export function chatTemplateRequest(
  context: TemplateContext,
  body: TemplateBody,
  messages: readonly ChatMessage[],
): ChatTemplateRequest {
  const { chat_template: chatTemplate, chat_template_kwargs, documents = null } = body;
  const kwargs = withoutNullTemplate({
    ...context.templateVariables,
    ...effortVariables(body.reasoning_effort ?? null),
    ...chat_template_kwargs,
  });
  const namesTemplate = chatTemplate !== null || kwargs["chat_template"] !== undefined;
  if (namesTemplate && !context.trustsRequestTemplates) refuse(UNTRUSTED, "chat_template");
  const reserved = RESERVED.filter((name) => kwargs[name] !== undefined);
  if (reserved.length > 0) {
    refuse(`chat_template_kwargs cannot set ${reserved.join(", ")}.`, "chat_template_kwargs");
  }
  const { tools, add_generation_prompt, continue_final_message } = body;
  const fields = { tools, documents, add_generation_prompt, continue_final_message };
  const inputs = parseBody(INPUTS, { ...(fields as typeof kwargs), ...kwargs });
  if (inputs.continue_final_message && inputs.add_generation_prompt) {
    refuse(
      "Cannot set both `continue_final_message` and `add_generation_prompt` to True.",
      "add_generation_prompt",
    );
  }
  const rendered: Record<string, Json> = {
    messages,
    tools: inputs.tools,
    documents: inputs.documents,
    chat_template_kwargs: kwargs,
  };
  for (const [param, value] of Object.entries(rendered)) checkShape(value, param);
  const isVariable = ([name]: [string, unknown]) => !Object.hasOwn(INPUTS, name);
  const variables = Object.fromEntries(Object.entries(kwargs).filter(isVariable));
  return {
    json: writeJson({
      messages,
      tools: inputs.tools,
      documents: inputs.documents,
      kwargs: variables,
    }),
    chatTemplate,
    addGenerationPrompt: inputs.add_generation_prompt,
    continueFinalMessage: inputs.continue_final_message,
    ...(context.contentFormat && { contentFormat: context.contentFormat }),
    ...(body.add_special_tokens === true && { addSpecialTokens: true }),
  };
}

/** @returns the variables by which templates disable reasoning or set its effort */
function effortVariables(effort: string | null): JsonObject {
  if (effort === null) return {};
  return effort === "none"
    ? { enable_thinking: false, thinking: false }
    : { reasoning_effort: effort };
}

function withoutNullTemplate(kwargs: JsonObject): JsonObject {
  if (kwargs["chat_template"] !== null) return kwargs;
  const { chat_template: _, ...others } = kwargs;
  return others;
}

/**
 * Maximum number of members in an object. Templates keep members in order and search them linearly, so rendering
 * takes quadratic time: an object as large as a whole body would block the engine for minutes. parseJson() keeps
 * the order of members up to this size.
 */
const MAX_MEMBERS = MAX_ORDERED_MEMBERS;

/** Maximum nesting of lists and objects in an input. The addon reads 100 levels, and the first contains the inputs. */
const MAX_DEPTH = 99;

function checkShape(value: Json, param: string, depth = 1): void {
  const isList = Array.isArray(value);
  if (!isList && !isObject(value)) return;
  if (depth > MAX_DEPTH) {
    refuse(`lists and objects in ${param} can be nested at most ${MAX_DEPTH} levels deep.`, param);
  }
  // Lists are handled separately because Object.values() would take microseconds per item.
  const members = isList ? value : Object.values(value);
  if (!isList && members.length > MAX_MEMBERS) {
    refuse(
      `an object in ${param} can have at most ${MAX_MEMBERS} members, got ${members.length}.`,
      param,
    );
  }
  for (const member of members) checkShape(member, param, depth + 1);
}

const UNTRUSTED =
  "Chat template is passed with request, but --trust-request-chat-template is not set. " +
  "Refused request with untrusted chat template.";

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
