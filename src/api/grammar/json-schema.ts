// Converts JSON schemas to the form that llguidance accepts: without annotations, with all `$ref` targets in `$defs`,
// and within limits on depth and size that keep compile time below a second.

import { writeJson } from "../../json.ts";
import { isObject, type Json, type JsonObject } from "../schema/json-value.ts";
import { enforceablePattern } from "./pattern.ts";
import {
  isTrivial,
  MAX_PROPERTIES,
  SCHEMA_KEYWORDS,
  UNENFORCED_KEYWORDS,
  VALUE_KEYWORDS,
} from "./schema-keywords.ts";

/** A keyword that cannot be enforced. */
export interface DroppedKeyword {
  readonly keyword: string;
  /** Location of the keyword's schema, such as "#/properties/city". */
  readonly path: string;
}

export interface EnforceableSchema {
  /** A schema that allows everything that the original allows. */
  readonly schema: JsonObject;
  /** Keywords of the original that are missing; empty = both schemas allow the same values. */
  readonly dropped: readonly DroppedKeyword[];
}

/** Maximum nesting of schemas; llguidance reads at most 128 levels of JSON. */
const MAX_DEPTH = 40;
const MAX_SCHEMAS = 10_000;
/** Maximum number of `patternProperties`, since each expression is compared with all others in its schema. */
const MAX_PATTERNS = 50;
/** Maximum length of the JSON text, in characters. */
const MAX_LENGTH = 1024 * 1024;

/** Drops keywords that cannot be enforced. */
export function enforceable(schema: JsonObject): EnforceableSchema {
  return new Reduction(schema, false).run();
}

/**
 * Drops keywords that cannot be enforced, and keywords that might be refused depending on other keywords: `oneOf`
 * becomes `anyOf`, which does not count as dropped.
 */
export function loosened(schema: JsonObject): EnforceableSchema {
  return new Reduction(schema, true).run();
}

class Reduction {
  readonly #root: JsonObject;
  readonly #isLoose: boolean;
  readonly #dropped: DroppedKeyword[] = [];
  /** New names for `$ref` targets, by their pointers. */
  readonly #names = new Map<string, string>();
  /** Whether each schema's `patternProperties` can be kept. */
  readonly #keepsPatterns = new Map<JsonObject, boolean>();
  #numSchemas = 0;
  #numPatterns = 0;

  constructor(root: JsonObject, isLoose: boolean) {
    this.#root = root;
    this.#isLoose = isLoose;
  }

  run(): EnforceableSchema {
    const root = this.#schema(this.#root, "#", 0);
    const schema = isObject(root) ? root : {};
    const defs: [string, Json][] = [];
    // Targets within targets are added while this loop runs.
    for (const [pointer, name] of this.#names) {
      defs.push([name, this.#schema(this.#target(pointer), pointer, 1)]);
    }
    const whole = defs.length === 0 ? schema : { ...schema, $defs: Object.fromEntries(defs) };
    if (writeJson(whole).length <= MAX_LENGTH) return { schema: whole, dropped: this.#dropped };
    const { type } = schema;
    const keyword = Object.keys(schema).find((name) => name !== "type") ?? "type";
    return {
      schema: type === undefined ? {} : { type },
      dropped: [...this.#dropped, { keyword, path: "#" }],
    };
  }

  #schema(value: Json | undefined, path: string, depth: number): Json {
    if (typeof value === "boolean") return value;
    if (!isObject(value) || depth > MAX_DEPTH || ++this.#numSchemas > MAX_SCHEMAS) {
      const slash = path.lastIndexOf("/");
      this.#drop(path.slice(slash + 1), path.slice(0, Math.max(slash, 1)));
      return {};
    }
    const draft = value["$schema"];
    const entries = Object.keys(value).flatMap((keyword) =>
      this.#keyword(value, keyword, path, depth),
    );
    const merged = this.#withoutOneOf(new Map(entries));
    if (typeof draft === "string") merged.set("$schema", draft);
    return Object.fromEntries(merged);
  }

  /** @returns entries for the new schema */
  #keyword(schema: JsonObject, keyword: string, path: string, depth: number): [string, Json][] {
    const value = schema[keyword] ?? null;
    const kind = SCHEMA_KEYWORDS[keyword];
    const isEnforced = VALUE_KEYWORDS[keyword];
    if (kind !== undefined) return this.#subschemas(schema, keyword, path, depth);
    if (keyword === "$ref") return this.#reference(value, path);
    if (isEnforced === undefined && !UNENFORCED_KEYWORDS.includes(keyword)) return [];
    if (isTrivial(keyword, schema)) return [];
    if (isEnforced?.(value) !== true) return this.#drop(keyword, path);
    return [[keyword, keyword === "pattern" ? enforceablePattern(value as string) : value]];
  }

  #subschemas(schema: JsonObject, keyword: string, path: string, depth: number): [string, Json][] {
    const value = schema[keyword];
    const place = `${path}/${keyword}`;
    const kind = SCHEMA_KEYWORDS[keyword];
    if (!this.#isWhole(schema, keyword)) return this.#drop(keyword, path);
    if (kind === "map") {
      const entries = Object.entries(value as JsonObject).map(([name, item]) => [
        keyword === "patternProperties" ? enforceablePattern(name) : name,
        this.#schema(item, `${place}/${pointerPart(name)}`, depth + 1),
      ]);
      return [[keyword, Object.fromEntries(entries)]];
    }
    if (Array.isArray(value)) {
      return [[keyword, value.map((item, i) => this.#schema(item, `${place}/${i}`, depth + 1))]];
    }
    return [[keyword, this.#schema(value, place, depth + 1)]];
  }

  /**
   * @returns whether a keyword's schemas can be kept. `additionalProperties` and `items` would allow more without the
   * keywords that they depend on, so they are dropped together with those keywords.
   */
  #isWhole(schema: JsonObject, keyword: string): boolean {
    const value = schema[keyword];
    switch (keyword) {
      case "properties":
        return isObject(value) && Object.keys(value).length <= MAX_PROPERTIES;
      case "patternProperties":
        return this.#hasPatterns(schema);
      case "additionalProperties":
        return ["properties", "patternProperties"].every(
          (other) => schema[other] === undefined || this.#isWhole(schema, other),
        );
      case "prefixItems":
      case "allOf":
        return Array.isArray(value);
      case "anyOf":
      case "oneOf":
        return Array.isArray(value) && value.length > 0;
      case "items":
        return schema["prefixItems"] === undefined || this.#isWhole(schema, "prefixItems");
      default:
        return true;
    }
  }

  #hasPatterns(schema: JsonObject): boolean {
    const known = this.#keepsPatterns.get(schema);
    if (known !== undefined) return known;
    const value = schema["patternProperties"];
    const patterns = isObject(value) ? Object.keys(value) : null;
    this.#numPatterns += patterns?.length ?? 0;
    const keeps =
      patterns !== null &&
      patterns.length <= (this.#isLoose ? 1 : MAX_PATTERNS) &&
      this.#numPatterns <= MAX_PATTERNS &&
      patterns.every((pattern) => enforceablePattern(pattern) !== null);
    this.#keepsPatterns.set(schema, keeps);
    return keeps;
  }

  #reference(value: Json | undefined, path: string): [string, Json][] {
    if (value === "#" || value === "#/") return [["$ref", "#"]];
    if (typeof value !== "string" || this.#target(value) === undefined) {
      return this.#drop("$ref", path);
    }
    const name = this.#names.get(value) ?? `d${this.#names.size}`;
    this.#names.set(value, name);
    return [["$ref", `#/$defs/${name}`]];
  }

  /** @returns the schema that a JSON pointer such as "#/$defs/city" names; undefined if there is none */
  #target(pointer: string): Json | undefined {
    if (!pointer.startsWith("#/")) return undefined;
    let target: Json | undefined = this.#root;
    for (const part of pointer.slice(2).split("/")) {
      const name = pointerName(part);
      if (typeof target !== "object" || target === null || !Object.hasOwn(target, name)) {
        return undefined;
      }
      target = (target as JsonObject)[name];
    }
    return target;
  }

  #withoutOneOf(entries: Map<string, Json>): Map<string, Json> {
    const options = entries.get("oneOf");
    if (!this.#isLoose || options === undefined) return entries;
    entries.delete("oneOf");
    const all = entries.get("allOf");
    if (!entries.has("anyOf")) entries.set("anyOf", options);
    else entries.set("allOf", [...(Array.isArray(all) ? all : []), { anyOf: options }]);
    return entries;
  }

  /** @returns no entries */
  #drop(keyword: string, path: string): [] {
    this.#dropped.push({ keyword, path });
    return [];
  }
}

const pointerPart = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");

function pointerName(part: string): string {
  const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
