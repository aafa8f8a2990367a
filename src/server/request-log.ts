// Logs generation requests: one line on arrival, and one line with statistics at the end of the response. This log is
// off unless the operator enables it, because prompts are user data.

import { errorBody } from "../api/error-body.ts";
import { shortened } from "../api/quote.ts";
import { writeJson } from "../json.ts";
import type { RequestOutput } from "../protocol/protocol.ts";
import { unicodeEscape } from "../visible-text.ts";

export interface RequestLogOptions {
  readonly log: (line: string) => void;
  /** The front's clock, in ms. */ readonly nowMs: () => number;
  /** Maximum number of characters or token IDs to log from a prompt; null = all. */
  readonly maxPromptLength: number | null;
  /** Whether to log the generated text as well, up to maxPromptLength characters. Absent = false. */
  readonly logsOutputs?: boolean;
}

export interface Arrival {
  /** Response ID. */
  readonly id: string;
  /** Arrival time on the front's clock, in ms. */ readonly arrivalMs: number;
  /** Text, token IDs or messages, or a list of prompts. */
  readonly prompt: unknown;
  /** All other fields that the body sets. */
  readonly params: object;
}

/** Passes outputs through and counts them. @param outputOf extracts the engine's output from an item */
export type Watch = <Output>(
  outputs: AsyncIterable<Output>,
  outputOf: (output: Output) => RequestOutput,
) => AsyncIterable<Output>;

/**
 * Responds to a request and, if the request log is enabled, logs it.
 * @param arrival called only if the request log is enabled
 * @param respond passes its outputs through `watch`; resolves to a complete or streamed response
 */
export async function logged(
  { requestLog }: { readonly requestLog: RequestLogOptions | null },
  arrival: () => Arrival,
  respond: (watch: Watch) => Promise<Response>,
): Promise<Response> {
  if (requestLog === null) return respond((outputs) => outputs);
  const entry = new LogEntry(arrival(), requestLog);
  try {
    return await respond((outputs, outputOf) => entry.watch(outputs, outputOf));
  } catch (error) {
    entry.fail(error);
    throw error;
  }
}

class LogEntry {
  readonly #arrival: Arrival;
  readonly #options: RequestLogOptions;
  /** Number of prompt tokens in each engine request. Its n sequences share them. */
  readonly #promptTokens = new Map<string, number>();
  readonly #finishReasons = new Set<string>();
  /** Text of each sequence so far, if outputs are logged. */
  readonly #texts = new Map<string, string>();
  #numOutputTokens = 0;
  #firstMs: number | null = null;
  #hasEnded = false;

  constructor(arrival: Arrival, options: RequestLogOptions) {
    this.#arrival = arrival;
    this.#options = options;
    const shown = promptText(arrival.prompt, options.maxPromptLength);
    options.log(
      `Received request ${arrival.id}: prompt: ${shown}, params: ${jsonText(arrival.params)}`,
    );
  }

  async *watch<Output>(
    outputs: AsyncIterable<Output>,
    outputOf: (output: Output) => RequestOutput,
  ): AsyncGenerator<Output> {
    try {
      for await (const output of outputs) {
        this.#count(outputOf(output));
        yield output;
      }
      this.#finish();
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      // If no end has been logged yet, the client has disconnected.
      this.#end("Aborted", this.#took());
    }
  }

  fail(error: unknown): void {
    const { code, message } = errorBody(error).error;
    this.#end("Failed", `${code}, ${jsonText(message)}, ${this.#took()}`);
  }

  #count(output: RequestOutput): void {
    const { requestId, tokenIds, numPromptTokens, finishReason } = output;
    if (this.#options.logsOutputs) {
      this.#texts.set(requestId, (this.#texts.get(requestId) ?? "") + textOf(output));
    }
    this.#promptTokens.set(requestId.split("-")[0] ?? "", numPromptTokens);
    this.#numOutputTokens += tokenIds.length;
    if (tokenIds.length > 0) this.#firstMs ??= this.#options.nowMs();
    if (finishReason !== null) this.#finishReasons.add(finishReason);
  }

  #finish(): void {
    const reasons = [...this.#finishReasons].sort().join(" and ");
    if (this.#finishReasons.has("abort")) this.#end("Aborted", this.#took());
    else this.#end("Finished", `200, ${reasons}, ${this.#took()}`);
  }

  #took(): string {
    const promptTokens = [...this.#promptTokens.values()].reduce((sum, count) => sum + count, 0);
    const counts =
      promptTokens === 0
        ? []
        : [`${promptTokens} prompt tokens`, `${this.#numOutputTokens} output tokens`];
    const first =
      this.#firstMs === null ? [] : [`first token after ${this.#secondsTo(this.#firstMs)}`];
    return [...counts, ...first, `total ${this.#secondsTo(this.#options.nowMs())}`].join(", ");
  }

  #secondsTo(ms: number): string {
    return `${((ms - this.#arrival.arrivalMs) / 1000).toFixed(3)} s`;
  }

  /** Logs only the first end of a request, since any later ones are consequences of the first. */
  #end(how: "Finished" | "Failed" | "Aborted", text: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#texts.size > 0) {
      const shown = promptText([...this.#texts.values()], this.#options.maxPromptLength);
      this.#options.log(`Generated response ${this.#arrival.id}: output: ${shown}`);
    }
    this.#options.log(`${how} request ${this.#arrival.id}: ${text}`);
  }
}

/** New text in an output, including reasoning and tool calls. */
function textOf({ text, parts }: RequestOutput): string {
  if (parts === null) return text;
  return parts.map((part) => (part.kind === "tool_call" ? `${part.name} ` : part.text)).join("");
}

/** Formats a prompt as JSON, so that user text cannot forge log lines. */
function promptText(prompt: unknown, maxLength: number | null): string {
  if (!Array.isArray(prompt)) return cutText(prompt, maxLength);
  const prompts = prompt.map((one) => cutText(one, maxLength));
  return prompts.length === 1 ? (prompts[0] ?? "") : `[${prompts.join(", ")}]`;
}

/** Shortens a prompt; messages are shortened as JSON. */
function cutText(prompt: unknown, maxLength: number | null): string {
  if (maxLength === null) return jsonText(prompt);
  const hasLength = typeof prompt === "string" || Array.isArray(prompt);
  const whole: string | readonly unknown[] = hasLength ? prompt : jsonText(prompt);
  const cut = typeof whole === "string" ? shortened(whole, maxLength) : whole.slice(0, maxLength);
  return cut.length === whole.length ? jsonText(prompt) : `${jsonText(cut)}...`;
}

/**
 * Terminal control characters, characters that some log viewers treat as line breaks, and characters that change
 * the direction of text, which could reorder the rest of the log line.
 */
const CONTROLS = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function jsonText(value: unknown): string {
  return writeJson(value).replace(CONTROLS, unicodeEscape);
}
