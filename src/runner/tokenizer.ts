// Converts text to token ids and back with the model's own vocabulary. Detokenizing a stream needs no native calls,
// because the bytes of all tokens are fetched once.

import type { ChatTemplateRequest } from "../protocol/chat-template-request.ts";

export interface Tokenizer {
  readonly vocabSize: number;
  /** End-of-generation ids of the model, ascending. */
  readonly eosTokenIds: readonly number[];
  /**
   * @param addSpecial adds BOS and EOS as the model's metadata defines
   * @param parseSpecial text that spells a special token becomes that token
   * @param maxTokens longer text yields maxTokens + 1 ids and is not read to its end; absent = no limit
   */
  encode(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    maxTokens?: number,
  ): Promise<Int32Array>;
  /** @returns a token's UTF-8 bytes (of a control token, its text), as a view that must not be kept */
  tokenBytes(tokenId: number): Uint8Array;
  /** @returns the token's spelling in the vocabulary, e.g. "Ġis" for the bytes " is"; "" for an id out of range */
  tokenEntry(tokenId: number): string;
  /** @returns true for control, unknown and unused tokens, which are omitted with skipSpecialTokens */
  isSpecial(tokenId: number): boolean;
  /** Detokenizes a whole sequence. Ids out of range are skipped. */
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
  encodeChat(request: ChatTemplateRequest, maxTokens?: number): Promise<Int32Array>;
}
