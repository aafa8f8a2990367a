// Translates a Lark grammar of a text to a grammar of the same text as it stands inside a JSON string. Clients define
// the input of a custom tool by such a grammar, and models write it as a string in JSON.

/** A token of a grammar's text. */
type Token =
  | { readonly kind: "string" | "regex"; readonly text: string }
  | { readonly kind: "plain"; readonly text: string };

const STRING = /"((?:[^"\\\n]|\\.)*)"(i?)/y;
const REGEX = /\/((?:[^/\\\n]|\\.)+)\/([a-z]*)/y;
/** Names, punctuation of rules, repetitions and whitespace. */
const PLAIN = /[A-Za-z_]\w*|[:|()*+?]|~ *\d+(?: *\.\. *\d+)?|\{\d*,?\d*\}|\.\d+(?=\s*:)|\s+/y;
/** Comments, and names of subtrees, which mean nothing here. */
const SKIPPED = /\/\/[^\n]*|->\s*\w+/y;
const IMPORT = /%import +common\.(\w+)(?: *-> *(\w+))?(?=\s|$)/y;

/** Terminals of Lark's library, as they are inside a JSON string. */
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

/** Text as JSON.stringify() writes it inside a string. */
const escaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Characters that JSON escapes, which a model can write only so. */
const SPECIALS = ['"', "\\", "\n", "\r", "\t", "\f", "\b"];

/** Part of a character class for what a JSON string must not contain as it is. */
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

/** @returns null for a set that JavaScript cannot read */
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
