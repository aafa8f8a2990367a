// Quotes a client's text in a message: short, and never cut within a character.

const MAX_CHARACTERS = 100;

/** @returns the text, or its beginning when it is longer than `max` characters */
export function shortened(text: string, max = MAX_CHARACTERS): string {
  // A character has at most two UTF-16 units, so the rest need not be read.
  return Array.from(text.slice(0, 2 * max))
    .slice(0, max)
    .join("");
}

/** Shortens text and puts it in quotation marks, with line breaks and similar characters escaped. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
