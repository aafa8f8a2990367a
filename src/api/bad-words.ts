// Tokenizes `bad_words` according to the rules of vLLM's SamplingParams.update_from_tokenizer().

import { RequestError } from "../errors.ts";
import type { ApiContext } from "./api-context.ts";
import type { SamplingBody } from "./schemas.ts";

/** Maximum length of a bad word, in characters. */
const MAX_LENGTH = 1024;

/**
 * Tokenizes each word as if it were at the start of the text. If a leading space changes the word's
 * tokens but not their number, includes those tokens too.
 * @throws RequestError "invalid_value"
 */
export async function badWordIds(
  context: ApiContext,
  { bad_words: words }: Pick<SamplingBody, "bad_words">,
): Promise<number[][]> {
  checkBadWords(context, words);
  const { calls } = context.front;
  const encode = async (text: string) => [...(await calls.encode(text, false))];
  const spelled = await Promise.all(
    [...new Set(words)].map(async (word) => {
      const text = word.trimStart();
      const [first, spaced] = await Promise.all([encode(text), encode(` ${text}`)]);
      const isOther = spaced[0] !== first[0] && spaced.length === first.length;
      return isOther ? [first, spaced] : [first];
    }),
  );
  return spelled.flat().filter((ids) => ids.length > 0);
}

function checkBadWords({ limits }: ApiContext, words: readonly string[]): void {
  if (words.some((word) => word.trimStart() === "")) {
    refuse("bad_words cannot contain an empty string.");
  }
  if (words.length > limits.maxBadWords) {
    refuse(`bad_words can have at most ${limits.maxBadWords} strings, got ${words.length}.`);
  }
  if (words.some((word) => word.length > MAX_LENGTH)) {
    refuse(`a bad word can have at most ${MAX_LENGTH} characters.`);
  }
}

function refuse(message: string): never {
  throw new RequestError("invalid_value", message, "bad_words");
}
