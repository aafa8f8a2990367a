// The client's own record of every request: its outcome and its number of tokens. No request is lost if each
// accepted request finished, failed with an explicit error, or was canceled by the client, and if the token
// count matches the server's.

export type Outcome =
  /** The last chunk has a finish reason and is followed by [DONE]. */
  | "finished"
  /** One error event and [DONE], or an error body with a status of 500. */
  | "failed"
  /** The client disconnected. */
  | "cancelled"
  /** 503 with Retry-After, before any work began. */
  | "refused"
  /** Anything else, which means that a request was lost. */
  | "lost";

export interface LedgerRequest {
  readonly maxTokens: number;
  readonly stream: boolean;
  /** Number of chunks after which the client disconnects; absent = never. */
  readonly leaveAfter?: number;
}

export class Ledger {
  readonly outcomes: Record<Outcome, number> = {
    ...{ finished: 0, failed: 0, cancelled: 0, refused: 0, lost: 0 },
  };
  /** Details of the lost requests. */
  readonly losses: string[] = [];
  numTokens = 0;
  readonly #url: string;
  #nextId = 0;

  constructor(url: string) {
    this.#url = url;
  }

  get numAccepted(): number {
    const { finished, failed, cancelled, lost } = this.outcomes;
    return finished + failed + cancelled + lost;
  }

  /** Sends a request. Never rejects; failures are outcomes too. */
  async run(request: LedgerRequest): Promise<Outcome> {
    const [outcome, loss] = await this.#outcome(request).catch(
      (error: unknown) => ["lost", String(error)] as const,
    );
    this.outcomes[outcome]++;
    if (outcome === "lost") this.losses.push(loss);
    return outcome;
  }

  runMany(count: number, request: LedgerRequest): Promise<Outcome[]> {
    return Promise.all(Array.from({ length: count }, () => this.run(request)));
  }

  async #outcome(request: LedgerRequest): Promise<readonly [Outcome, string]> {
    // All prompts differ, because a prompt that is in progress during two crashes would be rejected.
    const prompt = `Request ${this.#nextId++} of ${crypto.randomUUID()}: once upon a time`;
    const { maxTokens: max_tokens, stream } = request;
    const body = { prompt, max_tokens, stream, ignore_eos: true, return_token_ids: true };
    const response = await fetch(`${this.#url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    if (response.status === 503) {
      return [response.headers.has("retry-after") ? "refused" : "lost", "503 without Retry-After"];
    }
    // A streaming request whose stream has not started can also get a complete body.
    if (!stream || response.status !== 200) return this.#whole(response);
    return this.#streamed(response, request.leaveAfter ?? Number.POSITIVE_INFINITY);
  }

  async #whole(response: Response): Promise<readonly [Outcome, string]> {
    const body = (await response.json()) as Chunk;
    if (response.status === 200) return this.#count(body) ? ["finished", ""] : ["lost", "no end"];
    const isError = response.status === 500 && body.error?.code === 500;
    return [isError ? "failed" : "lost", `status ${response.status}`];
  }

  async #streamed(response: Response, leaveAfter: number): Promise<readonly [Outcome, string]> {
    const ends: string[] = [];
    let numChunks = 0;
    for await (const data of eventsOf(response)) {
      if (data === "[DONE]") ends.push("[DONE]");
      else {
        const chunk = JSON.parse(data) as Chunk;
        if (chunk.error !== undefined) ends.push(`error ${chunk.error.code}`);
        else if (this.#count(chunk)) ends.push("finish");
      }
      // Returning from the loop closes the connection.
      if (++numChunks >= leaveAfter) return ["cancelled", ""];
    }
    const end = ends.join(", ");
    if (end === "finish, [DONE]") return ["finished", ""];
    return [end === "error 500, [DONE]" ? "failed" : "lost", `stream ended with: ${end}`];
  }

  /** @returns whether the choice ends with this chunk */
  #count({ choices = [] }: Chunk): boolean {
    this.numTokens += choices[0]?.token_ids?.length ?? 0;
    return (choices[0]?.finish_reason ?? null) !== null;
  }
}

interface Chunk {
  readonly error?: { readonly code: number };
  readonly choices?: readonly {
    readonly token_ids: readonly number[] | null;
    readonly finish_reason: string | null;
  }[];
}

/** Yields the data of each event and skips comments. */
async function* eventsOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) if (event.startsWith("data: ")) yield event.slice(6);
  }
}
