// Lays out text within the screen width: paragraphs, and terms with explanations to their right.

/**
 * Breaks text between words into lines of at most `columns`; a longer word gets its own line.
 */
export function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= columns || line === "") {
      line = longer;
      continue;
    }
    lines.push(line);
    line = word;
  }
  return [...lines, line];
}

export interface Entry {
  readonly term: string;
  readonly text: string;
}

export interface EntryLayout {
  /** Maximum width of a term that shares a line with its text; the text of a wider term goes below it. */
  readonly termWidth: number;
  readonly columns: number;
}

const INDENT = 2;
const GAP = 2;

export function entryText({ term, text }: Entry, { termWidth, columns }: EntryLayout): string {
  if (text === "") return " ".repeat(INDENT) + term;
  const left = INDENT + termWidth + GAP;
  const lines = wrapped(text, columns - left);
  const isBeside = term.length <= termWidth;
  const first = `${" ".repeat(INDENT)}${term}`;
  const below = (isBeside ? lines.slice(1) : lines).map((line) => " ".repeat(left) + line);
  return [isBeside ? first.padEnd(left) + lines[0] : first, ...below].join("\n");
}
