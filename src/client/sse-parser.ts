// Server-sent events out of a byte stream that is cut anywhere, also within a character.

export class SseParser {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** @returns the data of each event that is whole now, in order; comments and other fields are skipped */
  push(bytes: Uint8Array): string[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    // A carriage return at the very end may be half of a line end.
    const whole = text.endsWith("\r") ? text.slice(0, -1) : text;
    const events = whole.replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = (events.pop() ?? "") + text.slice(whole.length);
    return events.map(dataOf).filter((data) => data !== null);
  }
}

/** @returns null for an event without data */
function dataOf(event: string): string | null {
  const lines = event.split("\n").filter((line) => line.startsWith("data:"));
  if (lines.length === 0) return null;
  return lines.map((line) => line.slice("data:".length).replace(/^ /, "")).join("\n");
}
