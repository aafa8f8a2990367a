// Many TCP connections to one server, each carrying one HTTP request. Received bytes are discarded so that
// the client does not affect the measurement.

import { BenchError } from "./bench-error.ts";

const OK = "HTTP/1.1 200";

/** Number of connections to open at a time, so that they fit in the listen queue. */
const AT_ONCE = 100;

export class Connections {
  /**
   * For each connection, ms from its request to the first byte of the response; unset until that byte
   * arrives.
   */
  readonly firstByteMs: number[] = [];
  /** Number of responses with status 200. */
  numAccepted = 0;
  /** Number of connections that the server has closed. */
  numClosed = 0;
  readonly #sockets: { end(): void }[] = [];
  readonly #request: string;

  private constructor(request: string) {
    this.#request = request;
  }

  /**
   * Opens connections and waits until each has sent `request`, but does not wait for responses.
   * @throws BenchError when a connection cannot be opened
   */
  static async open(url: string, count: number, request: string): Promise<Connections> {
    const connections = new Connections(request);
    const { hostname, port } = new URL(url);
    for (let first = 0; first < count; first += AT_ONCE) {
      const batch = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, i) =>
        connections.#connect(hostname, Number(port), first + i),
      );
      await Promise.all(batch);
    }
    return connections;
  }

  /** Waits until every connection has received a byte, for at most `ms`. */
  async answered(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (this.numAnswered < this.#sockets.length && performance.now() < end) await Bun.sleep(10);
  }

  get numAnswered(): number {
    return Object.keys(this.firstByteMs).length;
  }

  close(): void {
    for (const socket of this.#sockets) socket.end();
  }

  async #connect(hostname: string, port: number, index: number): Promise<void> {
    let startMs = 0;
    try {
      const socket = await Bun.connect({
        hostname,
        port,
        socket: {
          data: (_, bytes) => {
            if (this.firstByteMs[index] !== undefined) return;
            this.firstByteMs[index] = performance.now() - startMs;
            if (bytes.subarray(0, OK.length).toString() === OK) this.numAccepted++;
          },
          close: () => {
            this.numClosed++;
          },
        },
      });
      this.#sockets.push(socket);
      startMs = performance.now();
      socket.write(this.#request);
    } catch (error) {
      throw new BenchError(`connection ${index + 1} cannot be opened: ${(error as Error).message}`);
    }
  }
}

/** A request without a body that keeps its connection open. */
export const getRequest = ({ host }: URL, path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;

export function postRequest({ host }: URL, path: string, body: unknown): string {
  const text = JSON.stringify(body);
  const head = [
    `POST ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(text)}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${text}`;
}
