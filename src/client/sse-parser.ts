// Parses server-sent events from a byte stream that can be split anywhere, even within a character.

export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** Whether a line feed at the start of the next chunk would be the second half of a line break. */
  #endedInReturn = false;

  /** @returns the data of each event that is now complete, in order; comments and other fields are skipped */
  push(bytes: Uint8Array): string[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    const more = this.#endedInReturn ? text.replace(/^\n/, "") : text;
    this.#endedInReturn = text.endsWith("\r");
    const events = (this.#rest + more.replace(/\r\n?/g, "\n")).split("\n\n");
    this.#rest = events.pop() ?? "";
    return events.map(dataOf).filter((data) => data !== null);
  }
}

/** @returns null if the event has no data */
function dataOf(event: string): string | null {
  const lines = event.split("\n").filter((line) => line.startsWith("data:"));
  if (lines.length === 0) return null;
  return lines.map((line) => line.slice("data:".length).replace(/^ /, "")).join("\n");
}
