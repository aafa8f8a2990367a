// Grammar of calls whose parameters are plain text between markers that look like XML, in the order of the schema.

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
  /** The end of a string parameter's name, if it differs. */
  readonly stringNameEnd?: string;
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

function xmlParameters(grammar: XmlGrammar, tool: GrammarTool, lark: Lark): CallPart[] {
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
  const { parameterStart, parameterNameEnd, parameterEnd, cdata } = grammar;
  const { stringNameEnd = parameterNameEnd } = grammar;
  const init = { lark, end: parameterEnd, isLenient, ...(cdata !== undefined && { cdata }) };
  const { strings, others, isFree } = plainValues(schema, init);
  const start = (nameEnd: string) => lark.text(parameterStart + name + nameEnd);
  if (stringNameEnd === parameterNameEnd) {
    const values = isFree ? strings : [...strings, ...others];
    return `${start(parameterNameEnd)} (${values.join(" | ")})`;
  }
  const groups = [
    ...(strings.length > 0 ? [`${start(stringNameEnd)} (${strings.join(" | ")})`] : []),
    ...(others.length > 0 ? [`${start(parameterNameEnd)} (${others.join(" | ")})`] : []),
  ];
  return `(${groups.join(" | ")})`;
}
