// Compiles grammars in a tiny model and checks which texts and tokens they allow, through samplers and a single step.

import type { GrammarSpec } from "../../src/request/sampling-params.ts";
import type { NativeModel, SamplerInit } from "../../src/runner/addon-types.ts";
import { NativeStep, type StepRow, type StepRowResult } from "./native-step.ts";
import { emptyInit } from "./sampled-row.ts";
import type { TinyGgufOptions } from "./tiny-gguf.ts";
import { loadTinyNative } from "./tiny-model.ts";
import { type TinyTokenizer, type TinyVocabulary, tinyVocabulary } from "./tiny-vocabulary.ts";

export class GrammarProbe {
  readonly model: NativeModel;
  readonly vocabulary: TinyVocabulary;
  readonly #step: NativeStep;
  readonly #remove: () => Promise<void>;
  readonly #bytes: readonly string[];

  private constructor(
    loaded: Awaited<ReturnType<typeof loadTinyNative>>,
    vocabulary: TinyVocabulary,
  ) {
    this.model = loaded.model;
    this.#remove = loaded.remove;
    this.vocabulary = vocabulary;
    this.#step = new NativeStep(loaded.model);
    const { bytes, starts } = loaded.model.vocabulary();
    this.#bytes = Array.from({ length: this.vocabulary.size }, (_, id) =>
      Buffer.from(bytes.subarray(starts[id], starts[id + 1])).toString("latin1"),
    );
  }

  /** @param gguf further properties for the model */
  static async load(
    tokenizer: TinyTokenizer | TinyVocabulary = "bpe",
    gguf: Omit<TinyGgufOptions, "tokenizer"> = {},
  ): Promise<GrammarProbe> {
    const vocabulary = typeof tokenizer === "string" ? tinyVocabulary(tokenizer, true) : tokenizer;
    return new GrammarProbe(await loadTinyNative({ tokenizer, ...gguf }), vocabulary);
  }

  remove(): Promise<void> {
    return this.#remove();
  }

  compile(kind: GrammarSpec["kind"], text: string): Promise<number> {
    return this.model.compileGrammar(kind, text);
  }

  /**
   * Compiles a grammar that allows every spelling of its text. Otherwise, text without an
   * alternative is spelled as the tokenizer would.
   */
  compileUnforced(kind: GrammarSpec["kind"], text: string): Promise<number> {
    const lark = { lark: text, json_schema: `start: %json ${text}`, regex: `start: /${text}/` };
    return this.compile("lark", `%llguidance {"no_forcing": true}\n${lark[kind]}`);
  }

  createSampler(init: Partial<SamplerInit>): number {
    return this.model.createSampler({ ...emptyInit(this.vocabulary.size), ...init });
  }

  /** Samples one row for each of `rows` from the same logits. */
  sample(rows: readonly StepRow[]): Promise<StepRowResult[]> {
    return this.#step.run([{ tokenIds: [70], blockIds: [1], rows }]);
  }

  /** @returns one token for each byte */
  tokensOf(text: string): Int32Array {
    return Int32Array.from(Buffer.from(text), (byte) => this.#idOf(String.fromCharCode(byte)));
  }

  /** @returns a token's bytes as Latin-1 */
  textOf(tokenId: number): string {
    return this.#bytes[tokenId] ?? "";
  }

  /** @returns the IDs of the tokens that can follow the text */
  async allowedAfter(grammar: number, text: string): Promise<number[]> {
    const ids = Array.from({ length: this.vocabulary.size }, (_, id) => id);
    const outputTokenIds = this.tokensOf(text);
    const samplers = ids.map((id) =>
      this.createSampler({ grammar, outputTokenIds, allowedTokenIds: Int32Array.of(id) }),
    );
    const results = await this.sample(samplers.map((sampler) => ({ sampler })));
    for (const sampler of samplers) this.model.freeSampler(sampler);
    return ids.filter((id) => results[id]?.isRefused === false);
  }

  /** @param text text, or its tokens @returns whether an unforced grammar allows exactly this text */
  async accepts(grammar: number, text: string | Int32Array): Promise<boolean> {
    const { eosId } = this.vocabulary;
    const sampler = this.createSampler({
      grammar,
      outputTokenIds: typeof text === "string" ? this.tokensOf(text) : text,
      allowedTokenIds: Int32Array.of(eosId),
    });
    const [result] = await this.sample([{ sampler }]);
    this.model.freeSampler(sampler);
    return result?.isRefused === false;
  }

  #idOf(byte: string): number {
    return this.#bytes.indexOf(byte);
  }
}
