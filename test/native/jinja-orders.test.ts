// Order of values, surplus arguments, and tags with a plus sign, compared with Jinja2.

import { afterAll, beforeAll, describe, test } from "bun:test";
import { expressionsOf, JinjaComparison } from "../support/jinja-comparison.ts";
import { PYTHON, sayIfPythonIsMissing } from "../support/python-program.ts";

const VARIABLES = {
  items: [
    { k: 1, v: "z", on: true },
    { k: 2, v: "y", on: false },
    { k: 1, v: "A", on: true },
  ],
};

/** Expressions, one per line. */
const EXPRESSIONS = `
[[3,'a'],[1,'b']]|sort
[[1,2],[1],[],[0,5]]|sort
[(2,'a'),(1,'b')]|sort(reverse=true)
[[1,[2,3]],[1,[2,1]]]|sort
[[1,2],[1,1]]|min
[[1,2],[1,3]]|max
[[1,'a'],['a',1]]|sort
[[1,'a'],[1,none]]|sort
[[1,none],[1,none]]|sort
[[1],2]|sort
[true,false,0.5]|sort
[none,1]|sort
[none]|sort
[none,none]|sort
[{},{'a':1}]|sort
[1,'a']|sort
[]|sort
{'z':[2],'a':[1]}|dictsort(by='value')
{'z':true,'a':false}|dictsort(by='value')
items|sort(attribute='k,v')|map(attribute='v')|list
items|sort(attribute='k,v', case_sensitive=true)|map(attribute='v')|list
items|sort(attribute='v,k', reverse=true)|map(attribute='v')|list
items|sort(attribute='on,v')|map(attribute='v')|list
items|sort(attribute='nope,v')|map(attribute='v')|list
items|sort(attribute='nope')|list
items|sort(attribute=none)|list
[[2,'a'],[1,'b']]|sort(attribute=1)
[[2,'a'],[1,'b']]|sort(attribute='0')
items|groupby('on')|map('first')|list
items|map(attribute='on')|max
()
[()]
()|length
() + (1,)
`;

const STATEMENTS: readonly string[] = [
  "{% macro m(x) %}{{ x }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, q=4) }}",
  "{% macro m(x, y=2) %}{{ x }}{{ y }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(y=1, x=0, z=5) }}",
  "{% macro m() %}{{ varargs|join(',') }}{{ kwargs.a }}{% endmacro %}{{ m(1, 2, a='b') }}{{ m() }}",
  "{% macro m(x, y=x) %}{{ x }}{{ y }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}",
  "{% macro m(x, y=x + 1, z=y * 2) %}{{ z }}{% endmacro %}{{ m(1) }}{{ m(1, 5) }}",
  "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(x) m() %}{{ x }}{{ varargs }}{% endcall %}",
  "  {%+ if true +%}\n  k\n  {%+ endif +%}\n  q",
  "{% if true +%}\n  k {%- endif +%}\nq",
  "{% for x in [1, 2] +%}\n{{+ x }}\n{% endfor +%}\n",
  "  {{+ 'x' }}  {{+1}} {{+ -1 }} {{ 1 +1}}",
  "a\n  {#+ c +#}\n  b",
  "a\n  {# c +#}\n  {#+ c #}\n  b",
  "{{ 'x' +}}",
  "{% set x = 1 +%}\n{{ x }}",
  "{% set x = [] +%}\n{{ x }}{% set y = 'a' +%}\n{{ y }}",
];

let jinja: JinjaComparison;

beforeAll(async () => {
  if (PYTHON !== null) jinja = await JinjaComparison.start(VARIABLES);
});

afterAll(() => jinja?.stop());

sayIfPythonIsMissing();

describe.skipIf(PYTHON === null)("compared with Jinja2", () => {
  test("lists, attributes and booleans are ordered as in Python, or refused", async () => {
    await jinja.expectSame(expressionsOf(EXPRESSIONS));
  });

  test("macros accept extra arguments, and tags with a plus sign keep whitespace", async () => {
    await jinja.expectSame(STATEMENTS);
  });
});
