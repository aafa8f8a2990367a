// Clients of many kinds that run until they are stopped: short chats that share a prefix for a while, several
// choices for one prompt, stop strings, clients that disconnect, invalid requests, and long completions that
// fill the KV pool, so blocks are preempted, evicted, and reused.

export class MixedLoad {
  readonly #url: string;
  readonly #model: string;
  readonly #isOver: () => boolean;
  #numRequests = 0;

  /** @param isOver checked before each request; once true, no client sends another one */
  constructor(url: string, model: string, isOver: () => boolean) {
    this.#url = url;
    this.#model = model;
    this.#isOver = isOver;
  }

  /** Resolves when every client has stopped. @throws Error if a response has an unexpected status */
  async run(): Promise<void> {
    const clients = [
      () => this.#chat(),
      () => this.#several(),
      () => this.#stopString(),
      () => this.#leave(),
      () => this.#mistake(),
      () => this.#long(),
      () => this.#long(),
      () => this.#long(),
      () => this.#long(),
    ];
    await Promise.all(clients.map((request) => this.#repeat(request)));
  }

  async #repeat(request: () => Promise<void>): Promise<void> {
    while (!this.#isOver()) await request();
  }

  /** Sends six requests with the same new prefix, whose blocks are hit, then evicted. */
  async #chat(): Promise<void> {
    const number = this.#numRequests++;
    const prefix = `Conversation ${number} is about the number ${number}. `.repeat(6);
    for (let turn = 0; turn < 6 && !this.#isOver(); turn++) {
      const messages = [{ role: "user", content: `${prefix} Question ${turn}: why?` }];
      const body = { messages, max_tokens: 4, stream: true };
      await this.#expect(200, "/v1/chat/completions", body);
    }
  }

  async #several(): Promise<void> {
    await this.#complete({ prompt: "Two ways to say it:", n: 2, max_tokens: 8, temperature: 1 });
  }

  async #stopString(): Promise<void> {
    await this.#complete({ prompt: "One, two, three, four,", stop: [" ", ","], max_tokens: 20 });
  }

  async #long(): Promise<void> {
    const prompt = `${this.#numRequests++} `.repeat(60);
    await this.#complete({ prompt, max_tokens: 160, ignore_eos: true });
  }

  async #mistake(): Promise<void> {
    await this.#expect(400, "/v1/completions", { prompt: "x", max_tokens: -1 });
    // Keeps the client from sending invalid requests in a tight loop.
    await Bun.sleep(200);
  }

  /** Reads the first bytes of a stream, then closes the connection. */
  async #leave(): Promise<void> {
    const body = { prompt: "A long story:", max_tokens: 200, ignore_eos: true, stream: true };
    const leaving = new AbortController();
    const response = await this.#post("/v1/completions", body, leaving.signal);
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort();
    await reader?.cancel().catch(() => {});
  }

  async #complete(body: object): Promise<void> {
    await this.#expect(200, "/v1/completions", body);
  }

  async #expect(status: number, path: string, body: object): Promise<void> {
    const response = await this.#post(path, body);
    const text = await response.text();
    if (response.status !== status) throw new Error(`${path}: ${response.status} ${text}`);
  }

  #post(path: string, body: object, signal?: AbortSignal): Promise<Response> {
    return fetch(this.#url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: this.#model, ...body }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}
