// Splits a command line's words into options and values.

/** Replaces underscores in a flag with dashes. */
export function dashed(flag: string): string {
  return flag.startsWith("--") ? flag.replaceAll("_", "-") : flag;
}

/** @returns whether a word is a flag, as opposed to text that begins with a dash, such as "-5", "- a list" or "---" */
export const isFlag = (word: string): boolean => /^(--?[a-z]|--$)/i.test(word);

/**
 * @returns a flag's values, up to the next flag; the first value can begin with one dash, as in -5
 */
export function wordsAfter(argv: readonly string[], at: number): string[] {
  const rest = argv.slice(at + 1);
  const end = rest.findIndex((word, i) => isFlag(word) && (i > 0 || word.startsWith("--")));
  return end < 0 ? rest : rest.slice(0, end);
}
