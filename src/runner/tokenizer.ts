// Text to token ids and back, over the model's own vocabulary. Detokenising a stream needs no
// native call: the bytes of every token are fetched once.

import type { ChatTemplateRequest } from "../protocol/chat-template-request.ts";

export interface Tokenizer {
  readonly vocabSize: number;
  /** End-of-generation ids of the model, ascending. */
  readonly eosTokenIds: readonly number[];
  /**
   * @param addSpecial adds BOS / EOS as the model's metadata says
   * @param parseSpecial text that spells a special token becomes that token
   * @param maxTokens a longer text yields maxTokens + 1 ids and is not read to its end;
   *   null = no limit
   */
  encode(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    maxTokens?: number | null,
  ): Promise<Int32Array>;
  /** UTF-8 bytes of a token; control tokens give their text. A view, not to be kept. */
  tokenBytes(tokenId: number): Uint8Array;
  /** Spelling of the token in the vocabulary: "Ġis" where its bytes are " is". "" for an id out of range. */
  tokenEntry(tokenId: number): string;
  /** Control, unknown or unused token: left out when skipSpecialTokens is set. */
  isSpecial(tokenId: number): boolean;
  /** Whole-sequence detokenisation; ids out of range give nothing. */
  decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string>;
  /**
   * Renders the chat template as transformers' apply_chat_template does.
   * @throws RequestError "invalid_value" with the template's message
   */
  renderChat(request: ChatTemplateRequest): Promise<string>;
  /**
   * Tokenizes the text of renderChat(), parsing special tokens, in one call of the addon.
   * @param maxTokens as in encode()
   * @throws RequestError as renderChat() does
   */
  encodeChat(request: ChatTemplateRequest, maxTokens?: number | null): Promise<Int32Array>;
}
