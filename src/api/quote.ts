// Quotes a client's text in a message, shortened but never cut within a character.

const MAX_CHARACTERS = 100;

/** @returns the text, cut after `max` characters */
export function shortened(text: string, max = MAX_CHARACTERS): string {
  // A character has at most two UTF-16 code units, so the rest can be skipped.
  return Array.from(text.slice(0, 2 * max))
    .slice(0, max)
    .join("");
}

/** Shortens text and quotes it, with line breaks and other control characters escaped. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
