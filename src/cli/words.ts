// The words of a command line: which are options and which are values.

/** Spells a name as it would be typed: with dashes, not underscores. */
export function dashed(flag: string): string {
  return flag.startsWith("--") ? flag.replaceAll("_", "-") : flag;
}

/** Tells a flag from text that begins with a dash: "-5", "- a list", the "---" around a page's head. */
export const isFlag = (word: string): boolean => /^(--?[a-z]|--$)/i.test(word);

/**
 * Values of a flag, up to the next flag. The first may begin with one dash: a negative number, or any text.
 */
export function wordsAfter(argv: readonly string[], at: number): string[] {
  const rest = argv.slice(at + 1);
  const end = rest.findIndex((word, i) => isFlag(word) && (i > 0 || word.startsWith("--")));
  return end < 0 ? rest : rest.slice(0, end);
}
