// A client for the OpenAI API of a remote server or of a service in this process.

import { connectionFault } from "../connection-fault.ts";
import { ConfigError } from "../errors.ts";
import { writeJson } from "../json.ts";
import { shownUrl } from "../shown-url.ts";
import { type AnswerPiece, pieceOf } from "./answer-piece.ts";
import { errorMessage, refusal } from "./refusal.ts";
import { SseParser } from "./sse-parser.ts";

export interface ApiTarget {
  /** URL without /v1 and without a trailing slash. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

type Body = Readonly<Record<string, unknown>>;

/** Optional end of a URL from a user: /v1, or one of its routes. */
const API_PATH = /\/v1(\/(chat\/)?completions|\/models)?$/;

/** @returns the URL without the path of an API route. @throws ConfigError "invalid_option" */
export function baseUrl(text: string): string {
  const url = /^[a-z]+:\/\//i.test(text) ? text : `http://${text}`;
  if (!/^https?:/i.test(url) || !URL.canParse(url))
    throw new ConfigError("invalid_option", `--url: ${text} is not a URL`);
  return url.replace(/\/+$/, "").replace(API_PATH, "");
}

export class ApiClient {
  /** The server's URL, for messages. */
  readonly url: string;
  readonly #target: ApiTarget;

  constructor(target: ApiTarget) {
    this.url = shownUrl(target.url);
    this.#target = target;
  }

  /** @returns false when no server responds in time */
  async isHealthy(timeoutMs: number): Promise<boolean> {
    try {
      return (await this.#send("/health", null, AbortSignal.timeout(timeoutMs))).ok;
    } catch {
      return false;
    }
  }

  /**
   * Lists the model names that requests can use, starting with the default.
   * @throws ConfigError "server_unreachable" (also for a server without this API), "request_refused" or
   *   "key_refused"
   */
  async modelNames(signal?: AbortSignal): Promise<string[]> {
    const text = await this.#text("/v1/models", signal);
    const names = namesIn(text);
    if (names !== null) return names;
    const message = `the server at ${this.url} does not provide the OpenAI API`;
    throw new ConfigError("server_unreachable", message);
  }

  /** @returns the default model for requests. @throws ConfigError as modelNames does */
  async firstModel(): Promise<string> {
    const [first] = await this.modelNames();
    if (first !== undefined) return first;
    throw new ConfigError("request_refused", `${this.url} serves no model`);
  }

  /**
   * Tries two routes: servers with an API key have /v1/is_sleeping, servers in development mode /is_sleeping.
   * @returns null when the server does not report it
   */
  async isSleeping(signal?: AbortSignal): Promise<boolean | null> {
    const ask = async (path: string) => {
      const response: unknown = JSON.parse(await this.#text(path, signal));
      return (response as { is_sleeping: boolean }).is_sleeping === true;
    };
    const asked = ["/v1/is_sleeping", "/is_sleeping"].map(ask);
    return Promise.any(asked).catch(() => null);
  }

  metricsText(signal?: AbortSignal): Promise<string> {
    return this.#text("/metrics", signal);
  }

  /** @throws ConfigError "server_unreachable", "request_refused", "key_refused", "context_full" or "stream_broken" */
  streamChat(body: Body, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    return this.#stream("/v1/chat/completions", body, signal);
  }

  /** @throws ConfigError as streamChat does */
  streamCompletion(body: Body, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    return this.#stream("/v1/completions", body, signal);
  }

  async *#stream(path: string, body: Body, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    const options = { stream: true, stream_options: { include_usage: true } };
    const response = await this.#request(path, { ...body, ...options }, signal);
    if (isDocument(response)) throw noStream(await this.#reached(response.text(), signal));
    const parser = new SseParser();
    let isWhole = false;
    for await (const bytes of whileConnected(response.body ?? [], signal)) {
      for (const data of parser.push(bytes)) {
        if (data === "[DONE]") return;
        const piece = pieceOf(data);
        isWhole ||= piece.finishReason !== null;
        yield piece;
      }
    }
    if (!isWhole) throw streamBroken("connection closed");
  }

  async #text(path: string, signal?: AbortSignal): Promise<string> {
    return this.#reached((await this.#request(path, null, signal)).text(), signal);
  }

  async #request(path: string, body: Body | null, signal?: AbortSignal): Promise<Response> {
    const response = await this.#reached(this.#send(path, body, signal), signal);
    if (response.ok) return response;
    const text = await this.#reached(response.text(), signal);
    throw refusal(response.status, text, this.#target.apiKey !== null);
  }

  /** @throws ConfigError "server_unreachable", or the signal's reason */
  async #reached<T>(response: Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await response;
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      const message = `cannot reach a server at ${this.url} (${connectionFault(cause)})`;
      throw new ConfigError("server_unreachable", message, { cause });
    }
  }

  async #send(path: string, body: Body | null, signal?: AbortSignal): Promise<Response> {
    const { url, apiKey, fetch } = this.#target;
    const key: Record<string, string> =
      apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
    const post = {
      method: "POST",
      headers: { ...key, "content-type": "application/json" },
      body: writeJson(body),
    };
    const init = body === null ? { headers: key } : post;
    return fetch(new Request(url + path, { ...init, ...(signal === undefined ? {} : { signal }) }));
  }
}

/** @throws ConfigError "stream_broken" when the connection breaks within the body, or the signal's reason */
async function* whileConnected(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw streamBroken(connectionFault(cause), cause);
  }
}

function streamBroken(reason: string, cause?: unknown): ConfigError {
  const message = `the answer was cut off: the connection to the server broke (${reason})`;
  return new ConfigError("stream_broken", message, { cause });
}

/** Recognizes content types that are never a stream; some servers label streams with a wrong type. */
function isDocument({ headers }: Response): boolean {
  return /json|html/.test(headers.get("content-type") ?? "");
}

function noStream(body: string): ConfigError {
  const message =
    errorMessage(jsonOf(body)) ?? "the server sent a whole response instead of a stream";
  return new ConfigError("stream_broken", message);
}

/** @returns null when the text is not a list of models */
function namesIn(text: string): string[] | null {
  const { data } = (jsonOf(text) ?? {}) as { data?: unknown };
  if (!Array.isArray(data)) return null;
  const names = data.map((model: { id?: unknown } | null) => model?.id);
  return names.every((name) => typeof name === "string") ? names : null;
}

/** @returns null when the text is not JSON */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
