// Reads streamed text for parsers. A parser is a generator that yields when it needs more text, so its state is its
// position in the code. Text is read only once, and any unread text that is kept is shorter than a marker.

/** A parser, which yields when it has read all text that has arrived. */
export type Parsing<T = void> = Generator<undefined, T, undefined>;

export type TextSink = (text: string) => void;

export class TextReader {
  #text = "";
  #at = 0;
  #isEnded = false;
  #record: string | null = null;

  /** Adds text that has arrived. */
  push(text: string): void {
    this.#text = this.#text.slice(this.#at) + text;
    this.#at = 0;
  }

  /** Marks the end of the text, so that parsers no longer wait for more. */
  end(): void {
    this.#isEnded = true;
  }

  /** Starts recording the text that is read, beginning with `text`, which has just been read. */
  record(text: string): void {
    this.#record = text;
  }

  /** @returns the text read since record() */
  takeRecord(): string {
    const record = this.#record ?? "";
    this.#record = null;
    return record;
  }

  /** Puts back a marker that has just been read. */
  unread(marker: string): void {
    this.#at -= marker.length;
    if (this.#record !== null) this.#record = this.#record.slice(0, -marker.length);
  }

  /** Reads up to and including the first of the markers. @returns the marker; null at the end of the text */
  *until(markers: readonly string[], sink: TextSink): Parsing<string | null> {
    for (;;) {
      const found = this.#earliest(markers);
      if (found !== null) {
        this.#pass(found.at - this.#at, sink);
        this.#take(found.marker.length);
        return found.marker;
      }
      const numHeld = this.#isEnded ? 0 : this.#numHeld(markers);
      this.#pass(this.#text.length - this.#at - numHeld, sink);
      if (this.#isEnded) return null;
      yield;
    }
  }

  /** Reads the marker if the text continues with it. @returns true if it does */
  *accept(marker: string): Parsing<boolean> {
    while (!this.#text.startsWith(marker, this.#at)) {
      const rest = this.#text.slice(this.#at, this.#at + marker.length);
      if (this.#isEnded || !marker.startsWith(rest)) return false;
      yield;
    }
    this.#take(marker.length);
    return true;
  }

  /** Like accept(), but also reads an incomplete marker at the end of the text. */
  *acceptEnd(marker: string): Parsing<boolean> {
    if (yield* this.accept(marker)) return true;
    const rest = this.#text.slice(this.#at);
    const isCut = this.#isEnded && rest !== "" && marker.startsWith(rest);
    if (isCut) this.#take(rest.length);
    return isCut;
  }

  /** Reads the first of the markers that the text continues with. @returns the marker; null if none matches */
  *acceptOne(markers: readonly string[]): Parsing<string | null> {
    for (const marker of markers) if (yield* this.accept(marker)) return marker;
    return null;
  }

  /** @returns the next UTF-16 unit, which stays unread; "" at the end */
  *peek(): Parsing<string> {
    while (this.#at === this.#text.length && !this.#isEnded) yield;
    return this.#text[this.#at] ?? "";
  }

  /** Reads text as long as its units match. @returns the text */
  *while(matches: (unit: string) => boolean): Parsing<string> {
    let text = "";
    for (let unit = yield* this.peek(); unit !== "" && matches(unit); unit = yield* this.peek()) {
      let end = this.#at + 1;
      while (end < this.#text.length && matches(this.#text[end] ?? "")) end++;
      text += this.#take(end - this.#at);
    }
    return text;
  }

  spaces(): Parsing<string> {
    return this.while(isSpace);
  }

  /**
   * Passes text on until `scan` finds an end in it.
   * @param scan receives the text that has arrived; returns the position of the end, or -1 if it has not arrived yet
   * @returns false if the text ended first
   */
  *scan(scan: (text: string, from: number) => number, sink: TextSink): Parsing<boolean> {
    for (;;) {
      const end = scan(this.#text, this.#at);
      this.#pass((end < 0 ? this.#text.length : end) - this.#at, sink);
      if (end >= 0) return true;
      if (this.#isEnded) return false;
      yield;
    }
  }

  #pass(count: number, sink: TextSink): void {
    if (count > 0) sink(this.#take(count));
  }

  #take(count: number): string {
    const text = this.#text.slice(this.#at, this.#at + count);
    this.#at += count;
    if (this.#record !== null) this.#record += text;
    return text;
  }

  #earliest(markers: readonly string[]): { at: number; marker: string } | null {
    let best: { at: number; marker: string } | null = null;
    for (const marker of markers) {
      const at = this.#text.indexOf(marker, this.#at);
      if (at >= 0 && (best === null || at < best.at)) best = { at, marker };
    }
    return best;
  }

  /** @returns the length of the longest suffix of the text that could be the start of a marker */
  #numHeld(markers: readonly string[]): number {
    let longest = 0;
    for (const marker of markers) {
      const available = this.#text.length - this.#at;
      for (let length = Math.min(available, marker.length - 1); length > longest; length--) {
        if (this.#text.endsWith(marker.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}

function isSpace(unit: string): boolean {
  return unit === " " || unit === "\n" || unit === "\t" || unit === "\r";
}
