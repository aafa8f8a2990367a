// The requests of one connection, which may come before earlier ones are answered (RFC 9112, 9.3.2): they
// are answered one after another, in their order. What comes after something that is no request is not read; what
// came before it is still answered.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Requests that are not answered yet before the connection is read no further. */
const MAX_OPEN = 16;

export type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

export class Connection {
  readonly #socket: Duplex;
  readonly #answer: Answer;
  #tail: Promise<void> = Promise.resolve();
  #numOpen = 0;
  /** The request that came last, and what answers it. */
  #last: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse } | null = null;
  /** Why nothing can come after it. */
  #fault: Error | null = null;

  /** @param answer begins to read the body before it first waits */
  constructor(socket: Duplex, answer: Answer) {
    this.#socket = socket;
    this.#answer = answer;
  }

  /** @returns when it is answered, or the client has left */
  add(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    this.#last = { incoming, outgoing };
    this.#numOpen++;
    if (this.#numOpen > MAX_OPEN) this.#socket.pause();
    const closed = new Promise<void>((resolve) => void outgoing.once("close", resolve));
    this.#tail = this.#tail.then(async () => {
      if (!outgoing.destroyed) await this.#answerNext(incoming, outgoing);
      await closed;
      this.#numOpen--;
      if (this.#numOpen === MAX_OPEN) this.#socket.resume();
    });
    return this.#tail;
  }

  /** What has come now is no request, or no body of the last one. */
  refuse(fault: Error): void {
    this.#fault ??= fault;
    const isWithinBody = this.#last?.incoming.complete === false;
    this.#failBody();
    void this.#tail.then(() => {
      if (!this.#socket.writable) return;
      // A request has one answer: a second would be taken for that of the next.
      if (isWithinBody) this.#socket.end();
      else this.#socket.end(refusalOf(fault));
    });
  }

  #answerNext(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const answered = this.#answer(incoming, outgoing);
    if (incoming === this.#last?.incoming) this.#failBody();
    return answered;
  }

  /** Of the last request, if it is not whole: whoever reads it answers for that. */
  #failBody(): void {
    const last = this.#last;
    if (this.#fault === null || last === null || last.incoming.complete) return;
    last.outgoing.shouldKeepAlive = false;
    if (last.incoming.listenerCount("error") > 0) last.incoming.emit("error", this.#fault);
  }
}

const STATUS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  HPE_INVALID_VERSION: "505 HTTP Version Not Supported",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

function refusalOf(fault: Error): string {
  const code = "code" in fault ? String(fault.code) : "";
  const status = STATUS[code] ?? "400 Bad Request";
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}
