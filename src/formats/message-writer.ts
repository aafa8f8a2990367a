// Collects a message's parts as a parser finds them. Whitespace around reasoning and calls is part of the format's
// layout, so no part includes it.

import type { MessagePart } from "../protocol/message-part.ts";

export interface MessageWriterOptions {
  /** Whether to pass on only complete calls with valid arguments, and the text of all other calls as content. */
  readonly holdsCalls: boolean;
  /** Called when a call is complete. */
  readonly onCallEnd: () => void;
}

/**
 * Maximum length, in UTF-16 units, of whitespace that counts as layout. Longer whitespace is passed on as it arrives.
 */
const MAX_SPACE = 8;
/** Maximum length of a held-back call, in UTF-16 units. */
const MAX_HELD = 1 << 20;

export class MessageWriter {
  /** Names that calls may have; null = any name. */
  requiredNames: ReadonlySet<string> | null = null;
  readonly #holdsCalls: boolean;
  readonly #onCallEnd: () => void;
  #parts: MessagePart[] = [];
  /** Whitespace that belongs to the part in progress only if more of that part follows. */
  #space = "";
  /** True if whitespace at this point is layout. */
  #isLayout = false;
  #hasText = false;
  #numCalls = 0;
  /** The call in progress; null between calls. */
  #call: { readonly index: number; arguments: string } | null = null;
  #held: MessagePart[] = [];

  constructor({ holdsCalls, onCallEnd }: MessageWriterOptions) {
    this.#holdsCalls = holdsCalls;
    this.#onCallEnd = onCallEnd;
  }

  /** Number of complete calls. */
  get numCalls(): number {
    return this.#numCalls;
  }

  /** True if there has been visible text since the start or the last call. */
  get hasText(): boolean {
    return this.#hasText;
  }

  /** True if the call in progress has been passed on and can no longer become text. */
  get isCallShown(): boolean {
    return this.#call !== null && !this.#holdsCalls;
  }

  readonly text = (text: string): void => {
    if (this.#write("text", text)) this.#hasText = true;
  };

  readonly reasoning = (text: string): void => {
    this.#write("reasoning", text);
  };

  /** Ends a part of the message, such as reasoning. Whitespace before and after this point is layout. */
  endPart(): void {
    this.#space = "";
    this.#isLayout = true;
    this.#hasText = false;
  }

  /** Begins a call. @returns false if the name is not one of requiredNames */
  call(name: string): boolean {
    if (this.requiredNames?.has(name) === false) return false;
    const call = { index: this.#numCalls, arguments: "" };
    this.#call = call;
    this.#add({ kind: "tool_call", index: call.index, name });
    return true;
  }

  readonly arguments = (text: string): void => {
    const call = this.#call;
    if (call === null || text === "") return;
    if (this.#holdsCalls) call.arguments += text;
    else this.#add({ kind: "arguments", index: call.index, text });
  };

  /**
   * Ends a complete call.
   * @returns false if the call was held back and is invalid, in which case its text is content
   */
  endCall(): boolean {
    const call = this.#call;
    if (call === null) return false;
    if (this.#holdsCalls) {
      if (!isValid(call.arguments)) return this.breakCall();
      const { index, arguments: text } = call;
      this.#parts.push(...this.#held, { kind: "arguments", index, text });
    }
    this.#endCall();
    this.#onCallEnd();
    return true;
  }

  /** Ends an incomplete call. @returns true if it has already been passed on */
  breakCall(): boolean {
    const isShown = this.isCallShown;
    if (isShown) this.#endCall();
    this.#call = null;
    this.#held = [];
    return isShown;
  }

  /** Ends the message. Trailing whitespace is text, unless it follows reasoning or a call. */
  end(): void {
    this.#push("text", this.#space);
    this.#space = "";
  }

  /** @returns the parts added since the last call to take() */
  take(): readonly MessagePart[] {
    if (this.#parts.length === 0) return NO_PARTS;
    const parts = this.#parts;
    this.#parts = [];
    return parts;
  }

  #add(part: MessagePart): void {
    if (this.#holdsCalls) this.#held.push(part);
    else {
      if (part.kind === "tool_call") this.endPart();
      this.#parts.push(part);
    }
  }

  #endCall(): void {
    this.#call = null;
    this.#held = [];
    this.#numCalls++;
    this.endPart();
  }

  /** @returns true if there was text, even if it has not been passed on yet */
  #write(kind: "text" | "reasoning", text: string): boolean {
    const visible = this.#isLayout ? text.trimStart() : text;
    if (visible === "") return false;
    this.#isLayout = false;
    const end = visible.trimEnd().length;
    const isLong = this.#space.length + visible.length - end > MAX_SPACE;
    if (end > 0 || isLong) {
      this.#push(kind, this.#space + (isLong ? visible : visible.slice(0, end)));
      this.#space = "";
    }
    if (!isLong) this.#space += visible.slice(end);
    return end > 0;
  }

  #push(kind: "text" | "reasoning", text: string): void {
    if (text !== "") this.#parts.push({ kind, text });
  }
}

const NO_PARTS: readonly MessagePart[] = [];

function isValid(json: string): boolean {
  if (json.length > MAX_HELD) return false;
  try {
    JSON.parse(json);
    return true;
  } catch {
    return false;
  }
}
