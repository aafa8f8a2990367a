// A server that breaks off: it sends the bytes it is told for each path and closes the connection.

export interface BreakingServer {
  readonly url: string;
  stop(): void;
}

const HEAD = "HTTP/1.1 200 OK\r\nconnection: close\r\n";

/** An answer with a length, so that it ends as it should. */
export function wholeAnswer(body: string, type = "application/json"): string {
  return `${HEAD}content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A stream of events that ends without its last chunk. */
export function brokenStream(...events: readonly string[]): string {
  const chunks = events.map((data) => `data: ${data}\n\n`);
  const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${HEAD}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${framed.join("")}`;
}

/** Bun 1.4.5 drops what a client has not read when the connection ends. */
const END_AFTER_MS = 100;

/** @param answers bytes by path; a path without any gets none, but the end of its connection */
export function startBreakingServer(answers: Readonly<Record<string, string>>): BreakingServer {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, bytes) => {
        const path = /^\w+ (\S+) /.exec(bytes.toString())?.[1] ?? "";
        socket.write(answers[path] ?? "");
        // After the client, another process, has read it.
        setTimeout(() => socket.end(), answers[path] === undefined ? 0 : END_AFTER_MS);
      },
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}
