// Translates a Lark grammar for plain text to a grammar for the same text inside a JSON string. Clients use the former
// to define a custom tool's input, but models write that input as a JSON string.

/** A token of a grammar's text. */
type Token =
  | { readonly kind: "string" | "regex"; readonly text: string }
  | { readonly kind: "plain"; readonly text: string };

const STRING = /"((?:[^"\\\n]|\\.)*)"(i?)/y;
const REGEX = /\/((?:[^/\\\n]|\\.)+)\/([a-z]*)/y;
/** Names, rule punctuation, repetitions and whitespace. */
const PLAIN = /[A-Za-z_]\w*|[:|()*+?]|~ *\d+(?: *\.\. *\d+)?|\{\d*,?\d*\}|\.\d+(?=\s*:)|\s+/y;
/** Comments, and names of subtrees, which do not affect the matched text. */
const SKIPPED = /\/\/[^\n]*|->\s*\w+/y;
const IMPORT = /%import +common\.(\w+)(?: *-> *(\w+))?(?=\s|$)/y;

/** Terminals of Lark's library, as they appear inside a JSON string. */
const COMMON: Readonly<Record<string, string>> = {
  CR: String.raw`"\\r"`,
  LF: String.raw`"\\n"`,
  NEWLINE: String.raw`/(?:(?:\\r)?\\n)+/`,
  WS: String.raw`/(?: |\\[tfrn])+/`,
  WS_INLINE: String.raw`/(?: |\\t)+/`,
  DIGIT: "/[0-9]/",
  INT: "/[0-9]+/",
  LETTER: "/[a-zA-Z]/",
  WORD: "/[a-zA-Z]+/",
  CNAME: "/[_a-zA-Z][_a-zA-Z0-9]*/",
};

/** @returns null for a grammar with a construct that cannot be translated */
export function inJsonString(grammar: string): string | null {
  const tokens: Token[] = [];
  const definitions: string[] = [];
  for (let at = 0; at < grammar.length; ) {
    const matchAt = (pattern: RegExp) => {
      pattern.lastIndex = at;
      const found = pattern.exec(grammar);
      if (found !== null) at = pattern.lastIndex;
      return found;
    };
    const imported = matchAt(IMPORT);
    if (imported !== null) {
      const [, name = "", alias = name] = imported;
      const body = COMMON[name];
      if (body === undefined) return null;
      definitions.push(`${alias}: ${body}`);
      continue;
    }
    if (matchAt(SKIPPED) !== null) continue;
    const token = stringToken(matchAt(STRING)) ?? regexToken(matchAt(REGEX)) ?? matchAt(PLAIN)?.[0];
    if (token === undefined || token === "refused") return null;
    tokens.push(typeof token === "string" ? { kind: "plain", text: token } : token);
  }
  const rules = tokens.map(({ text }) => text).join("");
  return [rules.trimEnd(), ...definitions].join("\n");
}

function stringToken(found: RegExpExecArray | null): Token | "refused" | null {
  if (found === null) return null;
  const [, body = "", flags] = found;
  if (flags !== "") return "refused";
  try {
    const text: unknown = JSON.parse(`"${body}"`);
    return { kind: "string", text: JSON.stringify(escaped(String(text))) };
  } catch {
    return "refused";
  }
}

function regexToken(found: RegExpExecArray | null): Token | "refused" | null {
  if (found === null) return null;
  const [, body = "", flags] = found;
  const regex = flags === "" ? regexInString(body) : null;
  return regex === null ? "refused" : { kind: "regex", text: `/${regex}/` };
}

/** Escapes text as JSON.stringify() does inside a string. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Characters that a JSON string can contain only in escaped form. */
const SPECIALS = ['"', "\\", "\n", "\r", "\t", "\f", "\b"];

/** Suffix of a character class that removes the characters that a JSON string must escape. */
const UNSPECIAL = String.raw`&&[^"\\\x00-\x1f]`;

const PART =
  /\\([dws])|\\([nrtf])|\\([^A-Za-z0-9])|(\[\^?(?:\\.|[^\]\\])+\])|(\.)|(\((?:\?:|(?!\?))|[)|*+?]|\{\d*,?\d*\})|([^\\[\](){}^$*+?.|])/y;

const CONTROLS: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f" };

function regexInString(regex: string): string | null {
  let translated = "";
  PART.lastIndex = 0;
  for (let at = 0; at < regex.length; at = PART.lastIndex) {
    const [, shorthand, control, quoted, set, any, syntax, char] = PART.exec(regex) ?? [];
    const literal = control === undefined ? (quoted ?? char) : CONTROLS[control];
    if (shorthand !== undefined)
      translated += shorthand === "s" ? "(?: |\\\\[nrtf])" : `\\${shorthand}`;
    else if (literal !== undefined) translated += literalRegex(escaped(literal));
    else if (any !== undefined) translated += setInString("[^\\n]");
    else if (syntax !== undefined) translated += syntax;
    else {
      const found = set === undefined ? null : setInString(set);
      if (found === null) return null;
      translated += found;
    }
  }
  return translated;
}

/** @returns null for a set that is not valid in JavaScript */
function setInString(set: string): string | null {
  try {
    const member = new RegExp(`^${set}$`, "u");
    const specials = SPECIALS.filter((special) => member.test(special));
    const plain = `[${set}${UNSPECIAL}]`;
    const alternatives = [plain, ...specials.map((special) => literalRegex(escaped(special)))];
    return alternatives.length === 1 ? plain : `(?:${alternatives.join("|")})`;
  } catch {
    return null;
  }
}

const literalRegex = (text: string): string =>
  text.replaceAll(/[^A-Za-z0-9 ]/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`);
