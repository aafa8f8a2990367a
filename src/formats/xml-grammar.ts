// Grammar of calls whose parameters are plain text between markers that look like XML, in schema order.

import type { CallGrammar, CallPart, GrammarTool } from "./call-grammar.ts";
import type { Lark } from "./lark.ts";
import { type Parameter, parametersOf } from "./parameters.ts";
import { type Cdata, plainValues } from "./plain-text.ts";

export interface XmlGrammar {
  readonly open: string;
  readonly callStart: string;
  readonly nameEnd: string;
  readonly callEnd: string;
  readonly separator: string;
  readonly close: string;
  readonly trigger: string;
  readonly parameterStart: string;
  readonly parameterNameEnd: string;
  /** Attribute after a parameter's name and the text after it; absent = none. */
  readonly attribute?: {
    readonly ofStrings: string;
    /** Attribute values for other types, any of which is allowed. */
    readonly ofOthers: readonly string[];
    readonly end: string;
  };
  readonly parameterEnd: string;
  /** Markers around values with special characters; absent = values are unchanged. */
  readonly cdata?: Cdata;
}

export function xmlGrammar(grammar: XmlGrammar): CallGrammar {
  const { callStart, nameEnd, callEnd } = grammar;
  return {
    ...grammar,
    call: (tool, lark) => [
      { text: callStart + tool.name + nameEnd },
      ...xmlParameters(grammar, tool, lark),
      { text: callEnd },
    ],
  };
}

export function xmlParameters(grammar: XmlGrammar, tool: GrammarTool, lark: Lark): CallPart[] {
  return parametersOf(tool.schema).map((parameter) => {
    const expression = xmlParameter(grammar, tool, parameter, lark);
    return { lark: parameter.isRequired ? expression : `(${expression})?` };
  });
}

function xmlParameter(
  grammar: XmlGrammar,
  { isLenient }: GrammarTool,
  { name, schema }: Parameter,
  lark: Lark,
): string {
  const { parameterStart, parameterNameEnd, parameterEnd, attribute, cdata } = grammar;
  const init = { lark, end: parameterEnd, isLenient, ...(cdata !== undefined && { cdata }) };
  const { strings, others, isFree } = plainValues(schema, init);
  const start = lark.text(parameterStart + name + parameterNameEnd);
  if (attribute === undefined)
    return `${start} ${oneOf(isFree ? strings : [...strings, ...others])}`;
  const typed = (types: readonly string[], values: readonly string[]) =>
    values.length === 0
      ? []
      : [
          `${oneOf(types.map((type) => lark.text(type)))} ${lark.text(attribute.end)} ${oneOf(values)}`,
        ];
  const { ofStrings, ofOthers } = attribute;
  return `${start} ${oneOf([...typed([ofStrings], strings), ...typed(ofOthers, others)])}`;
}

function oneOf(expressions: readonly string[]): string {
  return `(${expressions.join(" | ")})`;
}
