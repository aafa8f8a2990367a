// Handles the requests of one connection in order. Requests can arrive before earlier responses are sent (RFC
// 9112, 9.3.2). After bytes that are not a request, nothing more is read, but earlier requests still get their
// responses.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

/** Maximum number of pending requests; beyond it, reading from the connection pauses. */
const MAX_OPEN = 16;

export type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

export class Connection {
  readonly #socket: Duplex;
  readonly #answer: Answer;
  #tail: Promise<void> = Promise.resolve();
  #numOpen = 0;
  /** The latest request and the response to it. */
  #last: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse } | null = null;
  /** Reason the connection can carry no further requests. */
  #fault: Error | null = null;

  /** @param answer must start to read the body before its first await */
  constructor(socket: Duplex, answer: Answer) {
    this.#socket = socket;
    this.#answer = answer;
  }

  /** Resolves when the response has been sent or the client has disconnected. */
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

  /** Handles bytes that are neither a request nor the latest request's body. */
  refuse(fault: Error): void {
    this.#fault ??= fault;
    const isWithinBody = this.#last?.incoming.complete === false;
    this.#failBody();
    void this.#tail.then(() => {
      if (!this.#socket.writable) return;
      // A client would mistake a second response for the response to its next request.
      if (isWithinBody) this.#socket.end();
      else this.#socket.end(refusalOf(fault));
    });
  }

  #answerNext(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const answered = this.#answer(incoming, outgoing);
    if (incoming === this.#last?.incoming) this.#failBody();
    return answered;
  }

  /** Fails the latest request's body if it is incomplete; its reader then sends the response. */
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
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** Matches a request line with an HTTP version that the server does not support. */
const OTHER_VERSION = / HTTP\/(?!1\.[01]\r?$)\d+(?:\.\d+)?\r?$/m;

/** Checks the version itself, since the parser also blames it for an extra space or a bare LF. */
function statusOf(fault: Error): string {
  const code = "code" in fault ? String(fault.code) : "";
  const bytes = "rawPacket" in fault ? String(fault.rawPacket) : "";
  const isOther = code === "HPE_INVALID_VERSION" && OTHER_VERSION.test(bytes);
  return isOther ? "505 HTTP Version Not Supported" : (STATUS[code] ?? "400 Bad Request");
}

function refusalOf(fault: Error): string {
  return `HTTP/1.1 ${statusOf(fault)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
}
