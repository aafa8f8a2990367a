// A connection on which a test sends arbitrary bytes and parses the received bytes into responses.

import { createConnection, type Socket } from "node:net";
import { until } from "../support/waiting.ts";

export interface RawAnswer {
  readonly status: number;
  /** Status line and headers, in lowercase. */
  readonly head: string;
  /** Concatenated chunks. */
  readonly body: string;
  /** True once the last chunk or the full length has arrived; always true if only closing ends the body. */
  readonly isWhole: boolean;
}

export class RawClient {
  /** Bytes so far, one character per byte. */
  received = "";
  isClosed = false;
  readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes) => {
      this.received += bytes.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  /** @param to a URL, or the path of a Unix socket */
  static async connect(to: string): Promise<RawClient> {
    const socket = to.startsWith("/")
      ? createConnection({ path: to })
      : createConnection({
          host: new URL(to).hostname,
          port: Number(new URL(to).port),
        });
    const client = new RawClient(socket);
    await new Promise<void>(
      (resolve) => void socket.once("connect", resolve).once("error", resolve),
    );
    return client;
  }

  /** @param text one character per byte */
  send(text: string): void {
    this.socket.write(Buffer.from(text, "latin1"));
  }

  until(holds: () => boolean): Promise<void> {
    return until(holds);
  }

  /** Waits for this many complete responses, or for the connection to close. */
  async answers(count: number): Promise<RawAnswer[]> {
    await this.until(() => this.isClosed || this.#whole.length >= count);
    return answersOf(this.received);
  }

  /** Waits for the connection to close. */
  async all(): Promise<RawAnswer[]> {
    await this.until(() => this.isClosed);
    return answersOf(this.received);
  }

  get #whole(): RawAnswer[] {
    return answersOf(this.received).filter(({ isWhole }) => isWhole);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** Parses responses. Interim responses (1xx) have no body. */
export function answersOf(received: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = received;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return answers;
    const head = rest.slice(0, end).toLowerCase();
    const status = Number(/^http\/1\.1 (\d{3}) /.exec(head)?.[1]);
    const { body, isWhole, next } = bodyOf(head, status, rest.slice(end + 4));
    answers.push({ status, head, body, isWhole });
    rest = next;
  }
}

function bodyOf(head: string, status: number, rest: string) {
  if (head.includes("transfer-encoding: chunked")) return chunksOf(rest);
  const length = /content-length: (\d+)/.exec(head)?.[1];
  const ends = status < 200 ? 0 : Number(length ?? rest.length);
  return { body: rest.slice(0, ends), isWhole: rest.length >= ends, next: rest.slice(ends) };
}

function chunksOf(text: string) {
  let body = "";
  let rest = text;
  for (;;) {
    const [line, size] = /^([\da-f]+)\r\n/.exec(rest) ?? [];
    if (line === undefined) return { body, isWhole: false, next: "" };
    const numBytes = Number.parseInt(size ?? "", 16);
    const end = line.length + numBytes + 2;
    if (numBytes === 0) return { body, isWhole: rest.length >= end, next: rest.slice(end) };
    body += rest.slice(line.length, line.length + numBytes);
    rest = rest.slice(end);
  }
}

/** @param headers header lines, each followed by a line break */
export function postText(path: string, body: unknown, headers = ""): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const own = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n`;
  return `POST ${path} HTTP/1.1\r\n${own}${headers}\r\n${text}`;
}

export function getText(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}
