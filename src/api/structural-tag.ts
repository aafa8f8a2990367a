// Translates structural tags, in either of vLLM's two forms, to Lark. A structural tag describes free text with tagged
// parts whose content follows a grammar. The newer form follows the rules of xgrammar's structural tags.

import { RequestError } from "../errors.ts";
import { slashed } from "../formats/lark.ts";
import { gbnfText, literalRegex, regexText } from "./grammar/grammar-text.ts";
import { schemaText } from "./grammar/schema-text.ts";
import { isObject, type Json, type JsonObject } from "./schema/json-value.ts";

/** Maximum nesting depth of formats; bounded because the translation recurses. */
const MAX_DEPTH = 64;

/** Regular expression that matches any text. */
const ANY = "(?s:.)*";

/** @param tag the object in the request @returns the grammar in Lark @throws RequestError "invalid_value" */
export function structuralTagText(tag: Json, param: string): string {
  if (!isObject(tag)) return refuse("a structural tag must be an object.", param);
  return new Translation(param).lark(tag);
}

class Translation {
  readonly #param: string;
  readonly #rules: string[] = [];

  constructor(param: string) {
    this.#param = param;
  }

  lark(tag: JsonObject): string {
    const start = Array.isArray(tag["structures"])
      ? this.#triggered(
          this.#texts(tag, "triggers"),
          this.#structures(tag["structures"]),
          false,
          false,
        )
      : this.#format(tag["format"], 0);
    return [`start: ${start}`, ...this.#rules].join("\n");
  }

  /** Converts the older form, a list of {begin, schema, end}, to tags in the newer form. */
  #structures(structures: readonly Json[]): JsonObject[] {
    return structures.map((item) => {
      const structure = this.#object(item, "a structure");
      const content = { type: "json_schema", json_schema: structure["schema"] ?? {} };
      return { begin: structure["begin"] ?? null, content, end: structure["end"] ?? "" };
    });
  }

  #format(value: Json | undefined, depth: number): string {
    if (depth > MAX_DEPTH)
      this.#refuse(`structural tags are nested deeper than ${MAX_DEPTH} levels.`);
    const format = this.#object(value, "a format");
    switch (format["type"]) {
      case "const_string":
        return JSON.stringify(this.#text(format, "value"));
      case "json_schema":
        return `%json ${schemaText(format["json_schema"], this.#param)}`;
      case "regex":
        return this.#regex(this.#text(format, "pattern"));
      case "grammar":
        return this.#grammar(this.#text(format, "grammar"));
      case "any_text":
        return `/${ANY}/`;
      case "sequence":
        return this.#elements(format, depth).join(" ");
      case "or":
        return `(${this.#elements(format, depth).join(" | ")})`;
      case "tag":
        return this.#tag(format, depth);
      case "triggered_tags":
        return this.#triggered(
          this.#texts(format, "triggers"),
          this.#tags(format),
          format["at_least_one"] === true,
          format["stop_after_first"] === true,
          depth,
        );
      case "tags_with_separator":
        return this.#separated(format, depth);
      default:
        return this.#refuse(`formats of type '${String(format["type"])}' cannot be enforced.`);
    }
  }

  #elements(format: JsonObject, depth: number): string[] {
    const elements = format["elements"];
    if (!Array.isArray(elements) || elements.length === 0)
      this.#refuse("'elements' must be a nonempty list.");
    return elements.map((element: Json) => this.#format(element, depth + 1));
  }

  #tag(tag: JsonObject, depth: number): string {
    return [JSON.stringify(this.#text(tag, "begin")), this.#contentAndEnd(tag, depth)].join(" ");
  }

  /** Translates a tag's content and end. If the content can be any text, it ends at the first `end`. */
  #contentAndEnd(tag: JsonObject, depth: number): string {
    const content = this.#object(tag["content"], "'content' of a tag");
    const ends = Array.isArray(tag["end"]) ? this.#texts(tag, "end") : [this.#text(tag, "end")];
    const end = ends.map(literalRegex).join("|");
    if (content["type"] === "any_text" && end !== "")
      return this.#rule(`/${ANY}(?:${end})/`, "lazy");
    return `${this.#format(content, depth + 1)} ${end === "" ? "" : `/${end}/`}`;
  }

  /**
   * Translates triggered tags: free text up to a trigger, then the rest of a tag that begins with the trigger,
   * repeated. The text after the last tag contains no trigger.
   */
  #triggered(
    triggers: readonly string[],
    tags: readonly JsonObject[],
    needsOne: boolean,
    stopsAfterFirst: boolean,
    depth = 0,
  ): string {
    if (triggers.length === 0) this.#refuse("'triggers' must be a nonempty list.");
    const parts = triggers.map((trigger) => this.#triggeredBy(trigger, tags, depth));
    const anyTag = this.#rule(parts.join(" | "));
    const trigger = triggers.map(literalRegex).join("|");
    const rest = `/${ANY}/ & ~/${ANY}(?:${trigger})${ANY}/`;
    const tail = this.#terminal(rest);
    if (stopsAfterFirst) return needsOne ? anyTag : `(${anyTag} | ${tail})`;
    return `${anyTag}${needsOne ? "+" : "*"} ${tail}`;
  }

  #triggeredBy(trigger: string, tags: readonly JsonObject[], depth: number): string {
    const own = tags.filter((tag) => this.#text(tag, "begin").startsWith(trigger));
    if (own.length === 0)
      this.#refuse(`no tag begins with the trigger ${JSON.stringify(trigger)}.`);
    const start = this.#rule(`/${ANY}${literalRegex(trigger)}/`, "lazy");
    const rests = own.map((tag) => {
      const rest = this.#text(tag, "begin").slice(trigger.length);
      return `${rest === "" ? "" : JSON.stringify(rest)} ${this.#contentAndEnd(tag, depth)}`;
    });
    return `${start} (${rests.join(" | ")})`;
  }

  #separated(format: JsonObject, depth: number): string {
    const separator = JSON.stringify(this.#text(format, "separator"));
    const tag = this.#rule(
      this.#tags(format)
        .map((item) => this.#tag(item, depth))
        .join(" | "),
    );
    const list = format["stop_after_first"] === true ? tag : `${tag} (${separator} ${tag})*`;
    return format["at_least_one"] === true ? list : `(${list})?`;
  }

  #tags(format: JsonObject): JsonObject[] {
    const tags = format["tags"];
    if (!Array.isArray(tags) || tags.length === 0) this.#refuse("'tags' must be a nonempty list.");
    return tags.map((tag: Json) => this.#object(tag, "a tag"));
  }

  #regex(pattern: string): string {
    const regex = regexText(pattern, this.#param).replaceAll("\n", "\\n");
    return `/${slashed(regex)}/`;
  }

  /**
   * Embeds an EBNF grammar under rule names that cannot collide. Lark grammars are refused, because their rules would
   * not be renamed.
   */
  #grammar(text: string): string {
    if (!text.includes("::=")) this.#refuse("a grammar in a structural tag must be EBNF.");
    const name = `grammar_${this.#rules.length}`;
    this.#rules.push(gbnfText(text, this.#param, name));
    return name;
  }

  #rule(body: string, attribute = ""): string {
    const name = `rule_${this.#rules.length}`;
    this.#rules.push(`${name}${attribute === "" ? "" : `[${attribute}]`}: ${body}`);
    return name;
  }

  #terminal(body: string): string {
    const name = `TEXT_${this.#rules.length}`;
    this.#rules.push(`${name}: ${body}`);
    return name;
  }

  #text(object: JsonObject, name: string): string {
    const text = object[name];
    return typeof text === "string" ? text : this.#refuse(`'${name}' must be a string.`);
  }

  #texts(object: JsonObject, name: string): string[] {
    const list = object[name];
    if (!Array.isArray(list)) return this.#refuse(`'${name}' must be a list of strings.`);
    return list.map((text: Json) =>
      typeof text === "string" && text !== ""
        ? text
        : this.#refuse(`'${name}' must contain only nonempty strings.`),
    );
  }

  #object(value: Json | undefined, what: string): JsonObject {
    return isObject(value) ? value : this.#refuse(`${what} must be an object.`);
  }

  #refuse(message: string): never {
    return refuse(message, this.#param);
  }
}

function refuse(message: string, param: string): never {
  throw new RequestError("invalid_value", message, param);
}
