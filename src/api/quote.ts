// Shortens and quotes client text for messages, without splitting a character.

const MAX_CHARACTERS = 100;

/** @returns the first `max` characters of the text */
export function shortened(text: string, max = MAX_CHARACTERS): string {
  // A character has at most two UTF-16 code units, so text past 2 * max is not needed.
  return Array.from(text.slice(0, 2 * max))
    .slice(0, max)
    .join("");
}

/** Shortens and quotes text, escaping line breaks and other control characters. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
