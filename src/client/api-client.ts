// A client of the OpenAI API, of a server anywhere or of a service in this process.

import { ConfigError } from "../errors.ts";
import { SseParser } from "./sse-parser.ts";

export interface ApiTarget {
  /** Without /v1 and without a slash at the end. */
  readonly url: string;
  readonly apiKey: string | null;
  readonly fetch: (request: Request) => Response | Promise<Response>;
}

/** What an event of a stream brings. */
export interface AnswerPiece {
  readonly text: string;
  readonly finishReason: string | null;
  /** Of the whole answer, with the last piece. */
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number } | null;
}

type Body = Readonly<Record<string, unknown>>;

/** "/v1" may be there or not, as clients of this API differ in it. */
export function baseUrl(text: string): string {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(url)) throw new ConfigError("invalid_option", `--url: ${text} is no URL`);
  return url.replace(/\/+$/, "").replace(/\/v1$/, "");
}

export class ApiClient {
  readonly url: string;
  readonly #target: ApiTarget;

  constructor(target: ApiTarget) {
    this.url = target.url;
    this.#target = target;
  }

  /** @returns false when nobody answers in time */
  async isHealthy(timeoutMs: number): Promise<boolean> {
    try {
      return (await this.#send("/health", null, AbortSignal.timeout(timeoutMs))).ok;
    } catch {
      return false;
    }
  }

  /** The names that requests may use, the first one first. */
  async modelNames(signal?: AbortSignal): Promise<string[]> {
    const response = await this.#request("/v1/models", null, signal);
    const { data = [] } = (await response.json()) as { data?: { id: string }[] };
    return data.map(({ id }) => id);
  }

  async metricsText(signal?: AbortSignal): Promise<string> {
    return (await this.#request("/metrics", null, signal)).text();
  }

  /** @throws ConfigError "server_unreachable", "request_refused" or "stream_broken" */
  streamChat(body: Body, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    return this.#stream("/v1/chat/completions", body, signal);
  }

  /** As streamChat. */
  streamCompletion(body: Body, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    return this.#stream("/v1/completions", body, signal);
  }

  async *#stream(path: string, body: Body, signal?: AbortSignal): AsyncGenerator<AnswerPiece> {
    const options = { stream: true, stream_options: { include_usage: true } };
    const response = await this.#request(path, { ...body, ...options }, signal);
    const parser = new SseParser();
    for await (const bytes of response.body ?? []) {
      for (const data of parser.push(bytes)) {
        if (data === "[DONE]") return;
        yield pieceOf(JSON.parse(data) as Chunk);
      }
    }
    throw new ConfigError("stream_broken", "the answer ended early: the server has gone");
  }

  async #request(path: string, body: Body | null, signal?: AbortSignal): Promise<Response> {
    let response: Response;
    try {
      response = await this.#send(path, body, signal);
    } catch (cause) {
      if (signal?.aborted === true) throw cause;
      const message = `no server answers at ${this.url}`;
      throw new ConfigError("server_unreachable", message, { cause });
    }
    if (response.ok) return response;
    throw new ConfigError("request_refused", await refusalText(response));
  }

  async #send(path: string, body: Body | null, signal?: AbortSignal): Promise<Response> {
    const { url, apiKey, fetch } = this.#target;
    const key: Record<string, string> =
      apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
    const post = {
      method: "POST",
      headers: { ...key, "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    const init = body === null ? { headers: key } : post;
    return fetch(new Request(url + path, { ...init, ...(signal === undefined ? {} : { signal }) }));
  }
}

interface Chunk {
  readonly choices?: readonly {
    readonly text?: string | null;
    readonly delta?: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number } | null;
  readonly error?: { readonly message?: string };
}

/** @throws ConfigError "stream_broken" for an error event */
function pieceOf({ choices = [], usage, error }: Chunk): AnswerPiece {
  if (error !== undefined)
    throw new ConfigError("stream_broken", error.message ?? "an error event");
  const [choice] = choices;
  return {
    text: choice?.delta?.content ?? choice?.text ?? "",
    finishReason: choice?.finish_reason ?? null,
    usage: usage
      ? { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens }
      : null,
  };
}

async function refusalText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error?: { message?: string } | string };
    const message = typeof error === "string" ? error : error?.message;
    if (message !== undefined) return `HTTP ${response.status}: ${message}`;
  } catch {
    // Not a server of this API.
  }
  return `HTTP ${response.status}: ${text.slice(0, 200)}`;
}
