// The words of a command line: which of them are options, and which are values.

/** As it would be typed: of an underscore and a dash within a name the latter. */
export function dashed(flag: string): string {
  return flag.startsWith("--") ? flag.replaceAll("_", "-") : flag;
}

/** Text that begins with a dash is none: "-5", "- a list", what is between the "---" of a page. */
export const isFlag = (word: string): boolean => /^(--?[a-z]|--$)/i.test(word);

/** Values of a flag: up to the next one. A first word with one dash may be a negative number, or anything. */
export function wordsAfter(argv: readonly string[], at: number): string[] {
  const rest = argv.slice(at + 1);
  const end = rest.findIndex((word, i) => isFlag(word) && (i > 0 || word.startsWith("--")));
  return end < 0 ? rest : rest.slice(0, end);
}
