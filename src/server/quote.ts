// A client's text within a message of ours: short, and never cut within a character.

const MAX_CHARACTERS = 100;

/** @returns the text, or its beginning */
export function shortened(text: string, max = MAX_CHARACTERS): string {
  // A character is two UTF-16 units at most, so the rest need not be looked at.
  return Array.from(text.slice(0, 2 * max))
    .slice(0, max)
    .join("");
}

/** The same in quotation marks, with line breaks and the like escaped. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
