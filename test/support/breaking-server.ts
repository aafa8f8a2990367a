// A server that sends the configured bytes for each path and then closes the connection.

export interface BreakingServer {
  readonly url: string;
  stop(): void;
}

const HEAD = "HTTP/1.1 200 OK\r\nconnection: close\r\n";

/** A complete response with a content length. */
export function wholeAnswer(body: string, type = "application/json"): string {
  return `${HEAD}content-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** An event stream that is cut off before the final chunk. */
export function brokenStream(...events: readonly string[]): string {
  const chunks = events.map((data) => `data: ${data}\n\n`);
  const framed = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return `${HEAD}content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n${framed.join("")}`;
}

/** Delay before closing: Bun 1.4.5 drops unread data when the connection closes. */
const END_AFTER_MS = 100;

/**
 * @param answers bytes to send for each path; for any other path, the connection is closed without a response
 */
export function startBreakingServer(answers: Readonly<Record<string, string>>): BreakingServer {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, bytes) => {
        const path = /^\w+ (\S+) /.exec(bytes.toString())?.[1] ?? "";
        socket.write(answers[path] ?? "");
        // Gives the client, which is another process, time to read the response.
        setTimeout(() => socket.end(), answers[path] === undefined ? 0 : END_AFTER_MS);
      },
    },
  });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}
