// Converts text to token IDs and back, using the model's own vocabulary. Detokenizing a stream needs no native calls,
// because the bytes of all tokens are fetched once.

import type { ChatTemplateRequest } from "../protocol/chat-template-request.ts";

export interface Tokenizer {
  readonly vocabSize: number;
  /** The model's end-of-generation IDs, in ascending order. */
  readonly eosTokenIds: readonly number[];
  /**
   * @param addSpecial whether to add BOS and EOS as the model's metadata specifies
   * @param parseSpecial whether text that spells a special token becomes that token
   * @param maxTokens longer text yields maxTokens + 1 IDs and is not read to the end; absent = no limit
   */
  encode(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    maxTokens?: number,
  ): Promise<Int32Array>;
  /** @returns a token's UTF-8 bytes (for a control token, those of its text), as a view that must not be kept */
  tokenBytes(tokenId: number): Uint8Array;
  /**
   * @returns the token's spelling in the vocabulary, such as "Ġis" for the bytes " is"; "" if the ID is out of range
   */
  tokenEntry(tokenId: number): string;
  /** @returns true for control, unknown and unused tokens, which are omitted with skipSpecialTokens */
  isSpecial(tokenId: number): boolean;
  /** Detokenizes a whole sequence. Out-of-range IDs are skipped. */
  decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string>;
  /**
   * Renders the chat template as transformers' apply_chat_template does.
   * @throws RequestError "invalid_value" with the template's message
   */
  renderChat(request: ChatTemplateRequest): Promise<string>;
  /**
   * Tokenizes the text that renderChat() would return, parsing special tokens, in a single addon call.
   * @param maxTokens as in encode()
   * @throws RequestError as renderChat() does
   */
  encodeChat(request: ChatTemplateRequest, maxTokens?: number): Promise<Int32Array>;
}
