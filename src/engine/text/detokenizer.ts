// Incremental detokenization of one sequence: token IDs in, whole characters out. The bytes of an incomplete character
// are held until the next token, so the emitted text never splits a UTF-8 sequence.

import type { Tokenizer } from "../../runner/tokenizer.ts";
import { NO_PIECES, type Piece, type TextStage } from "./text-stage.ts";

type TokenBytes = Pick<Tokenizer, "tokenBytes" | "isSpecial">;

/** Caches the text of tokens that consist of whole characters. All sequences of an engine share one cache. */
export class TokenTexts {
  readonly #tokenizer: TokenBytes;
  readonly #texts: (string | null | undefined)[] = [];
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(tokenizer: TokenBytes) {
    this.#tokenizer = tokenizer;
  }

  bytes(tokenId: number): Uint8Array {
    return this.#tokenizer.tokenBytes(tokenId);
  }

  isSpecial(tokenId: number): boolean {
    return this.#tokenizer.isSpecial(tokenId);
  }

  /** @returns null if the token's bytes are not valid UTF-8 by themselves */
  text(tokenId: number): string | null {
    const known = this.#texts[tokenId];
    if (known !== undefined) return known;
    const text = this.#decode(tokenId);
    this.#texts[tokenId] = text;
    return text;
  }

  #decode(tokenId: number): string | null {
    try {
      return this.#decoder.decode(this.#tokenizer.tokenBytes(tokenId));
    } catch {
      return null;
    }
  }
}

const EMPTY = new Uint8Array(0);
const NO_TEXTS: ReadonlySet<string> = new Set();

export class Detokenizer implements TextStage {
  readonly #texts: TokenTexts;
  readonly #skipSpecial: boolean;
  readonly #shown: ReadonlySet<string>;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** First bytes of an incomplete character, up to three. */
  #pending = EMPTY;

  /** @param shown texts of special tokens that must not be skipped */
  constructor(texts: TokenTexts, skipSpecial: boolean, shown: ReadonlySet<string> = NO_TEXTS) {
    this.#texts = texts;
    this.#skipSpecial = skipSpecial;
    this.#shown = shown;
  }

  /**
   * Converts a token to the characters that it completes. Bytes that can never become a character yield
   * U+FFFD.
   */
  push(piece: Piece): readonly Piece[] {
    if (piece.kind !== "token") return [piece];
    const text = this.#textOf(piece.tokenId);
    return text === "" ? NO_PIECES : [{ kind: "text", text, tokenNumber: piece.tokenNumber }];
  }

  /** Ends the sequence, dropping any incomplete character. */
  flush(): readonly Piece[] {
    this.#pending = EMPTY;
    return NO_PIECES;
  }

  #textOf(tokenId: number): string {
    if (this.#skipSpecial && this.#texts.isSpecial(tokenId) && !this.#isShown(tokenId)) return "";
    const text = this.#pending.length === 0 ? this.#texts.text(tokenId) : null;
    return text ?? this.#pushBytes(this.#texts.bytes(tokenId));
  }

  #isShown(tokenId: number): boolean {
    return this.#shown.size > 0 && this.#shown.has(this.#texts.text(tokenId) ?? "");
  }

  #pushBytes(bytes: Uint8Array): string {
    const all = new Uint8Array(this.#pending.length + bytes.length);
    all.set(this.#pending);
    all.set(bytes, this.#pending.length);
    const complete = all.length - numIncompleteBytes(all);
    this.#pending = all.slice(complete);
    return this.#decoder.decode(all.subarray(0, complete));
  }
}

/** @returns the number of bytes of an incomplete character at the end of `bytes`, 0..3 */
function numIncompleteBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    const isContinuation = byte >= 0x80 && byte < 0xc0;
    if (!isContinuation) return back < sequenceLength(byte) ? back : 0;
  }
  return 0;
}

/** @returns the length of a character whose first byte is `lead`; 1 for ASCII and for invalid first bytes */
function sequenceLength(lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 1;
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}
