// Translates regular expressions from the syntax of JSON schemas (ECMA-262) to llguidance's (Rust's). Most syntax is
// the same in both; braces and brackets that JavaScript treats as text are escaped.

/** Letter escapes that mean the same in both. */
const SHARED_ESCAPES = "sSnrtfvpPxu";

/** Escapes that can have an argument in braces, such as `\p{L}` and `\u{1F600}`. */
const BRACED_ESCAPES = "pPxu";
const BRACES = /^\{[^{}]*\}/;
const MAX_BRACES = 64;

/** Classes that have only ASCII characters in JavaScript. */
const ASCII_CLASSES: Readonly<Record<string, string>> = {
  d: "[0-9]",
  D: "[^0-9]",
  w: "[0-9A-Za-z_]",
  W: "[^0-9A-Za-z_]",
};

/**
 * @returns null for a pattern that cannot be enforced because it has look-around, a back-reference, a word boundary, or
 * an escape that only JavaScript has
 */
export function enforceablePattern(pattern: string): string | null {
  let result = "";
  for (let at = 0; at < pattern.length; ) {
    const part = partAt(pattern, at);
    if (part === null) return null;
    result += part.text;
    at = part.end;
  }
  return result;
}

/** A translated part of a pattern, and the position of the next part. */
interface Part {
  readonly text: string;
  readonly end: number;
}

function partAt(pattern: string, at: number): Part | null {
  const sign = pattern[at] ?? "";
  if (sign === "\\") return escapeAt(pattern, at);
  if (sign === "[") return classAt(pattern, at);
  if (sign === "(" && /^\(\?(?:<?[=!]|P=|>|\()/.test(pattern.slice(at, at + 4))) return null;
  if (sign === "{" && !QUANTIFIER.test(pattern.slice(at, at + 20))) {
    return { text: "\\{", end: at + 1 };
  }
  return { text: sign, end: at + 1 };
}

const QUANTIFIER = /^\{\d+(?:,\d*)?\}/;

function escapeAt(pattern: string, at: number): Part | null {
  const sign = pattern[at + 1];
  if (sign === undefined) return null;
  const end = at + 2;
  const asciiClass = ASCII_CLASSES[sign];
  if (asciiClass !== undefined) return { text: asciiClass, end };
  if (sign === "c") return controlAt(pattern, at);
  if (sign === "0") return /\d/.test(pattern[end] ?? "") ? null : { text: "\\x00", end };
  if (sign === "/") return { text: "/", end };
  if (/[A-Za-z1-9]/.test(sign) && !SHARED_ESCAPES.includes(sign)) return null;
  const rest = BRACED_ESCAPES.includes(sign) ? pattern.slice(end, end + MAX_BRACES) : "";
  const [braces = ""] = BRACES.exec(rest) ?? [];
  return { text: `\\${sign}${braces}`, end: end + braces.length };
}

/** Translates escapes such as `\cJ`, the Ctrl-J character. */
function controlAt(pattern: string, at: number): Part | null {
  const letter = pattern[at + 2] ?? "";
  if (!/[A-Za-z]/.test(letter)) return null;
  const code = (letter.charCodeAt(0) % 32).toString(16).padStart(2, "0");
  return { text: `\\x${code}`, end: at + 3 };
}

/** Translates a character class. Rust's syntax also allows nested sets and set operators in classes. */
function classAt(pattern: string, at: number): Part | null {
  const isNegated = pattern[at + 1] === "^";
  const start = at + (isNegated ? 2 : 1);
  if (pattern[start] === "]") return emptyClass(isNegated, start + 1);
  let text = isNegated ? "[^" : "[";
  for (let next = start; next < pattern.length; ) {
    const sign = pattern[next] ?? "";
    if (sign === "]") return { text: `${text}]`, end: next + 1 };
    const part = sign === "\\" ? classEscapeAt(pattern, next) : null;
    if (sign === "\\" && part === null) return null;
    text += part?.text ?? (/[[&~]/.test(sign) ? `\\${sign}` : sign);
    next = part?.end ?? next + 1;
  }
  return null;
}

/** In a class, `\b` is a backspace. */
function classEscapeAt(pattern: string, at: number): Part | null {
  return pattern[at + 1] === "b" ? { text: "\\x08", end: at + 2 } : escapeAt(pattern, at);
}

function emptyClass(isNegated: boolean, end: number): Part | null {
  return isNegated ? { text: "(?s:.)", end } : null;
}
