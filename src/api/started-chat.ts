// Starts a chat, over HTTP or in-process: checks its body, prepares its template request, and queues it.

import { RequestError } from "../errors.ts";
import type { Front } from "../front/front.ts";
import type { FrontRequest, OutputStream } from "../front/output-stream.ts";
import type { ChatTemplateRequest } from "../protocol/chat-template-request.ts";
import type { MessageParsing } from "../protocol/message-parsing.ts";
import { checkPromptLength } from "../protocol/prompt-limits.ts";
import { type Filled, withAnswerOptions } from "./answer-options.ts";
import { type ApiContext, adapterField, unixSeconds } from "./api-context.ts";
import { badWordIds } from "./bad-words.ts";
import { BeamSearch } from "./beam-search.ts";
import { customTools, withFunctions } from "./chat-custom-tools.ts";
import { chatGrammar, type ToolInputs } from "./chat-grammar.ts";
import { type ChatMessage, chatMessages, contentText } from "./chat-messages.ts";
import { chatParsing } from "./chat-parsing.ts";
import { abortOnDisconnect } from "./output-streams.ts";
import { maxPromptTokens, truncatedIds } from "./prompt-truncation.ts";
import { quoted } from "./quote.ts";
import { checkN, samplingParams } from "./sampling.ts";
import type { ChatBody } from "./schemas.ts";
import { everyTokens } from "./stream-interval.ts";
import { chatTemplateRequest } from "./template-request.ts";
import { isStrict, type ToolChoice, toolChoice, withAllowedTools } from "./tool-choice.ts";
import { checkChatFeatures, checkStreamOptions } from "./unsupported.ts";

/** Inputs to a response besides the request body. */
export interface AnswerInit {
  /** Response ID. */
  readonly id: string;
  /** Arrival time on the front's clock, in ms. */
  readonly arrivalMs: number;
  /** Aborted when the client disconnects. */
  readonly signal?: AbortSignal;
  /** Whether to refuse a request whose token limit exceeds the context; false = reduce the limit. Absent = true. */
  readonly mustFit?: boolean;
  /** Input formats of custom tools; absent = those in the body. */
  readonly toolInputs?: ToolInputs;
}

/** A validated and queued request. */
export interface StartedChat {
  readonly context: ApiContext;
  readonly body: Filled<ChatBody>;
  readonly id: string;
  readonly createdS: number;
  /** Number of sequences to generate from the prompt. */
  readonly n: number;
  readonly promptIds: Int32Array;
  readonly stream: OutputStream;
  readonly role: string;
  /** Text shown before the generated text (`echo`). */
  readonly prefix: string;
  /** Tools that the model may call. */
  readonly choice: ToolChoice;
  /** Names of custom tools, whose calls contain plain text. */
  readonly customTools: ReadonlySet<string>;
  /** How to parse the output; null = its text is the content. */
  readonly parsing: MessageParsing | null;
}

/** Starts a chat. If it is refused, the promise rejects and nothing stays queued. */
export async function startChat(
  context: ApiContext,
  given: ChatBody,
  { id, arrivalMs, signal, mustFit = true, toolInputs }: AnswerInit,
): Promise<StartedChat> {
  checkStreamOptions(given);
  const { names: customNames, inputs: customInputs } = customTools(given.tools);
  const inputs = toolInputs ?? customInputs;
  const body = withAllowedTools(withFunctions(withAnswerOptions(context.answers, given)));
  checkChatFeatures(body);
  const choice = toolChoice(body);
  const n = checkN(context, body);
  const adapter = adapterField(context, body.model);
  const messages = chatMessages(body.messages);
  const lengths = messages.map((message) => contentText(message).length);
  const { front } = context;
  const { info } = front;
  const limit = body.max_completion_tokens ?? body.max_tokens;
  const maxTokens = maxPromptTokens(context, body, limit);
  if (maxTokens === null) checkPromptLength(info, sum(lengths));
  const badWords = await badWordIds(context, body);
  const parsing = chatParsing(info.chatFormat, body, choice, context.thinkingTokenBudget);
  const { priority, cache_salt: cacheSalt } = body;
  const chat = shownChat(context, body, messages);
  const params = samplingParams(context, {
    body,
    logprobs: body.logprobs ? body.top_logprobs : null,
    promptLogprobs: body.prompt_logprobs,
    maxTokens: limit ?? info.maxModelLen,
    badWords,
  });
  const { warn } = context;
  const hidesTools = info.templateIgnoresTools === true && chat.chatTemplate === null;
  if (hidesTools && body.tools?.length) warn(TOOLS_NOT_SHOWN);
  const grammar = chatGrammar({ info, body, choice, parsing, asked: params.grammar, inputs, warn });
  const request: FrontRequest = {
    externalId: id,
    prompt: maxTokens === null ? { chat } : await truncatedChat(context, chat, maxTokens),
    samplingParams: { ...params, grammar },
    ...(parsing && { parsing }),
    ...(body.stream && body.return_progress && { reportsProgress: true }),
    mustFit: mustFit && limit !== null,
    ...(body.prediction && !body.use_beam_search && { prediction: body.prediction }),
    ...{ priority, cacheSalt, arrivalMs, ...adapter },
  };
  const queued = (asked: FrontRequest) => queuedChat(front, body, asked, signal);
  const start = await queued(request).catch((error) => {
    if (choice.kind !== "auto" || !failsOpen(error, body)) throw error;
    warn(`tool calls are not constrained: ${quoted(error.message)}`);
    return queued({ ...request, samplingParams: { ...params, grammar: null } });
  });
  const { promptIds } = start;
  const stream = everyTokens(start.stream, body.stream ? context.answers.streamInterval : 1);
  const { role, prefix } = echoOf(context, body, messages);
  const createdS = unixSeconds();
  const shown = { role, prefix, choice, customTools: customNames, parsing };
  return { context, body, id, createdS, n, promptIds, stream, ...shown };
}

const TOOLS_NOT_SHOWN =
  "the model's chat template never mentions `tools`, so the model cannot see the tools in requests; " +
  "set --chat-template to a template that uses them";

async function queuedChat(
  front: Front,
  body: ChatBody,
  request: FrontRequest,
  signal: AbortSignal | undefined,
) {
  const stream = body.use_beam_search
    ? new BeamSearch(front, request, { lengthPenalty: body.length_penalty })
    : front.generate(request);
  abortOnDisconnect(signal, [stream]);
  return { stream, promptIds: await stream.promptTokenIds };
}

/** @returns true if the refused grammar was for tools that are not strict, so their calls can be left unconstrained */
function failsOpen(error: unknown, { tools }: ChatBody): error is RequestError {
  const isOfTools = error instanceof RequestError && error.param === "tools";
  return isOfTools && !(tools ?? []).some(isStrict);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function truncatedChat({ front }: ApiContext, chat: ChatTemplateRequest, maxTokens: number) {
  return truncatedIds(await front.calls.encodeChat(chat), maxTokens);
}

/** @returns the chat to render; leaves out tools that cannot be called, if the operator has opted into that */
export function shownChat(
  context: ApiContext,
  body: ChatBody,
  messages: readonly ChatMessage[],
): ChatTemplateRequest {
  const isHidden = context.excludesUnusedTools && body.tool_choice === "none";
  return chatTemplateRequest(context, isHidden ? { ...body, tools: null } : body, messages);
}

/** @returns the role of the generated message, which can continue the last message, and the text to echo */
function echoOf({ answers }: ApiContext, body: ChatBody, messages: readonly ChatMessage[]) {
  const last = messages.at(-1);
  const role = body.add_generation_prompt ? answers.role : (last?.role ?? answers.role);
  const prefix = body.echo && last?.role === role ? contentText(last) : "";
  return { role, prefix };
}
