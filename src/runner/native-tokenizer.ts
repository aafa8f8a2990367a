// The tokenizer of a loaded native model. The bytes of all tokens are copied once, so detokenizing a stream needs no
// native calls.

import { RequestError } from "../errors.ts";
import type { ChatTemplateRequest } from "../protocol/chat-template-request.ts";
import type { ChatTemplateInput, NativeError, NativeModel, Vocabulary } from "./addon-types.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Text up to this length is tokenized on the JS thread in 0.2 to 3 ms; waking another thread would take 0.2 ms. */
const MAX_SHORT_CHARACTERS = 1024;

const ENTRY_DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

export class NativeTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly eosTokenIds: readonly number[];
  readonly #model: NativeModel;
  readonly #vocabulary: Vocabulary;

  constructor(model: NativeModel) {
    this.#model = model;
    this.#vocabulary = model.vocabulary();
    this.vocabSize = model.info.vocabSize;
    this.eosTokenIds = model.info.eosTokenIds;
  }

  async encode(
    text: string,
    addSpecial: boolean,
    parseSpecial: boolean,
    maxTokens?: number,
  ): Promise<Int32Array> {
    const tokenize = text.length <= MAX_SHORT_CHARACTERS ? "tokenizeNow" : "tokenize";
    return this.#model[tokenize](text, addSpecial, parseSpecial, maxTokens);
  }

  tokenBytes(tokenId: number): Uint8Array {
    const { bytes, starts } = this.#vocabulary;
    return bytes.subarray(starts[tokenId] ?? 0, starts[tokenId + 1] ?? 0);
  }

  tokenEntry(tokenId: number): string {
    const { entries, entryStarts } = this.#vocabulary;
    const entry = entries.subarray(entryStarts[tokenId] ?? 0, entryStarts[tokenId + 1] ?? 0);
    return ENTRY_DECODER.decode(entry);
  }

  isSpecial(tokenId: number): boolean {
    return this.#vocabulary.special[tokenId] === 1;
  }

  decode(tokenIds: Int32Array, skipSpecial: boolean): Promise<string> {
    const known = tokenIds.filter((id) => id >= 0 && id < this.vocabSize);
    return this.#model.detokenize(known, skipSpecial);
  }

  renderChat(request: ChatTemplateRequest): Promise<string> {
    return orRequestError(request, (input) => this.#model.applyChatTemplate(input));
  }

  encodeChat(request: ChatTemplateRequest, maxTokens?: number): Promise<Int32Array> {
    return orRequestError(request, (input) => this.#model.tokenizeChat(input, maxTokens));
  }
}

/** Converts template errors to client errors. */
async function orRequestError<Result>(
  { chatTemplate, ...request }: ChatTemplateRequest,
  render: (input: ChatTemplateInput) => Promise<Result>,
): Promise<Result> {
  try {
    return await render({ ...request, chatTemplate: chatTemplate ?? "" });
  } catch (error) {
    const { code, message } = error as NativeError;
    if (code !== "template_error" && code !== "template_limit") throw error;
    throw new RequestError(
      "invalid_value",
      message,
      chatTemplate === null ? "messages" : "chat_template",
    );
  }
}
