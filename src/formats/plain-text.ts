// Grammar of values that are plain text up to a marker: strings without quotes, everything else as JSON.

import { type Lark, type Schema, slashed } from "./lark.ts";
import { lengthOf } from "./parameters.ts";
import { definitionsOf, resolved, typesOf } from "./schema-types.ts";
import { searchRegex } from "./search-regex.ts";

/** Maximum depth of nested alternatives; deeper ones are unconstrained text. */
const MAX_DEPTH = 4;

export interface PlainTextInit {
  readonly lark: Lark;
  /** Marker after a value. */
  readonly end: string;
  /** Whether to ignore schema keywords that cannot be enforced. */
  readonly isLenient: boolean;
  /** Marks text in which special characters occur; absent = all text is written unchanged. */
  readonly cdata?: Cdata;
}

/** Markers around text with certain characters. */
export interface Cdata {
  readonly start: string;
  readonly end: string;
  /** Characters that need the markers, as a regular-expression class without its brackets. */
  readonly characters: string;
}

/** Expressions for a value with its end marker; empty = not allowed. */
export interface PlainValues {
  readonly strings: readonly string[];
  readonly others: readonly string[];
  /** True if any text is allowed, so `others` only repeat it without quotes. */
  readonly isFree: boolean;
}

/** @returns expressions for the values that the schema allows */
export function plainValues(schema: Schema, init: PlainTextInit, depth = 0): PlainValues {
  const own = resolved(schema);
  const choices = own["const"] === undefined ? own["enum"] : [own["const"]];
  if (Array.isArray(choices)) return choiceValues(choices, init);
  const alternatives = own["anyOf"] ?? own["oneOf"];
  if (Array.isArray(alternatives) && depth < MAX_DEPTH) {
    const { anyOf, oneOf, ...siblings } = own;
    const all = alternatives.map((one) => plainValues({ ...siblings, ...one }, init, depth + 1));
    return {
      strings: all.flatMap(({ strings }) => strings),
      others: all.flatMap(({ others }) => others),
      isFree: all.some(({ isFree }) => isFree),
    };
  }
  const types = typesOf(own, definitionsOf(own));
  const otherTypes = [...types].filter((type) => type !== "string");
  const isAny = types.size === 0;
  const allowsStrings = isAny || types.has("string");
  return {
    isFree: allowsStrings && own["pattern"] === undefined && lengthOf(own) === "*",
    strings: allowsStrings ? [plainString(own, init)] : [],
    others: isAny || otherTypes.length > 0 ? jsonValues(ofTypes(own, otherTypes), init) : [],
  };
}

function choiceValues(choices: readonly unknown[], init: PlainTextInit): PlainValues {
  const strings = choices.filter((choice) => typeof choice === "string");
  const others = choices.filter((choice) => typeof choice !== "string");
  return {
    isFree: false,
    strings: strings.map((choice) => literal(choice, init)),
    others: others.length === 0 ? [] : jsonValues({ enum: others }, init),
  };
}

function ofTypes(schema: Schema, types: readonly string[]): Schema {
  return types.length === 0 ? schema : { ...schema, type: types.length === 1 ? types[0] : types };
}

/** Some templates show true and false as Python does. */
function jsonValues(schema: Schema, { lark, isLenient, end }: PlainTextInit): string[] {
  const json = schema["type"] === "boolean" ? "/[Tt]rue|[Ff]alse/" : lark.json(schema, isLenient);
  return [`${json} ${lark.text(end)}`];
}

function literal(text: string, { lark, end, cdata }: PlainTextInit): string {
  const needsMarkers = cdata !== undefined && new RegExp(`[${cdata.characters}]`).test(text);
  const written = needsMarkers ? cdata.start + text + cdata.end : text;
  return written === "" ? lark.text(end) : `${JSON.stringify(written)} ${lark.text(end)}`;
}

function plainString(schema: Schema, { lark, end, cdata, isLenient }: PlainTextInit): string {
  const { pattern } = schema;
  const length = lengthOf(schema);
  const regex = typeof pattern === "string" ? searchRegex(pattern) : null;
  if (typeof pattern === "string" && regex === null && !isLenient) {
    // The compiler refuses the pattern.
    return `/${slashed(pattern)}/`;
  }
  const text = (marker: string) =>
    regex === null ? lark.until(marker, length) : lark.matching(regex, marker, length);
  if (cdata === undefined) return text(end);
  const plain = lark.matching(`[^${cdata.characters}]*`, end, length);
  const marked = `${lark.text(cdata.start)} ${text(cdata.end + end)}`;
  return regex === null ? `(${plain} | ${marked})` : marked;
}
