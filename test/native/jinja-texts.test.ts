// Filters that process text character by character, compared with Jinja2: case, escapes, tags, URLs and line breaks.

import { afterAll, beforeAll, describe, test } from "bun:test";
import { expressionsOf, JinjaComparison } from "../support/jinja-comparison.ts";
import { Prng } from "../support/prng.ts";
import { PYTHON, sayIfPythonIsMissing } from "../support/python-program.ts";

/** Expressions, one per line. */
const EXPRESSIONS = String.raw`
'straße'|upper
'ŉǰΐև'|upper
'ﬁﬀﬃ'|upper
'ﬁx ŉx ǆx ᾳx ßx'|title
'ﬁx ŉx ǆx ᾳx ßx'.title()
'აბ'.title()
'ßx'|capitalize
'ﬁX'|capitalize
'ǆŽ'|capitalize
'ẞ'|lower
'İI'|lower
'ΑΣ ΑΣΑ Σ'|lower
'აბ'|upper
'აბ'|title
'éÉ'|upper
'éÉ'|lower
'x1_y-z'|upper
''|upper
5|upper
[]|sum
[]|sum(start=1)
[]|sum('a', 1)
[]|sum(start=1.5)
[]|sum(start=true)
[]|sum(start=[])
[]|sum(start='a')
[1]|sum(start='a')
[1]|sum(start=true)
[true, true]|sum
[1]|sum(start=1.5)
[[1],[2]]|sum(start=[])
[[1],[2]]|sum(start=[0])
[{'a':[1]},{'a':[2]}]|sum('a', [])
[[1]]|sum
['a']|sum
[1]|sum(start=[])
'a<b>c</b> d'|striptags
'a <!-- <b> --> c'|striptags
'<!<!-- -->-- x -->y'|striptags
'<!-->a<!--->b'|striptags
'<!-- a'|striptags
'a < b'|striptags
'a > b < c > d'|striptags
' a  b \t\n c '|striptags
blanks|striptags
'&lt;b&gt; &amp;amp; &quot;&#39;&apos;'|striptags
'&eacute;&Eacute;&hellip;&notin;&notit;&NotEqualTilde;'|striptags
'&copy &copyx &amp &ampx &am; &hellip &;'|striptags
'&#233;&#xe9;&#XE9;&#233x&#;&#x;&#xg;'|striptags
'&#0;&#128;&#x80;&#x9f;&#x81;&#13;&#11;&#1;&#xd800;&#x110000;&#99999999999999999999;&#xfffe;&#xfdd0;'|striptags
'&thisnameisfarlongerthanthirtytwoletters;&'|striptags
5|striptags
[1,'<a>']|striptags
none|striptags
missing|striptags
''|striptags
'a b/c?d=é&f~g_h.i-j'|urlencode
'漢%+'|urlencode
{'a b':'c/d','é':1,'n':none}|urlencode
{}|urlencode
[['a','b'],['c d', 2.5]]|urlencode
[['a','b','c']]|urlencode
['ab']|urlencode
[1]|urlencode
[]|urlencode
5|urlencode
2.5|urlencode
true|urlencode
none|urlencode
missing|urlencode
''|urlencode
'The quick brown fox jumps over the lazy dog'|wordwrap(10)
'The quick brown fox jumps over the lazy dog'|wordwrap(width=10, wrapstring='|')
'The quick brown fox jumps over the lazy dog'|wordwrap(3)
'The quick brown fox jumps over the lazy dog'|wordwrap(3, false)
'The quick brown fox jumps over the lazy dog'|wordwrap(1)
'The quick brown fox jumps over the lazy dog'|wordwrap(0)
'The quick brown fox jumps over the lazy dog'|wordwrap(-1)
''|wordwrap(0)
''|wordwrap
'   '|wordwrap
'a\nb c\n\n  d e\r\nf'|wordwrap(3)
'a\n'|wordwrap
'\n\na'|wordwrap
'x ' * 100|wordwrap
('x ' * 100)|wordwrap
('x' * 200)|wordwrap
('x' * 200)|wordwrap(79, false)
('x-' * 100)|wordwrap(7)
('ab-cd' * 20)|wordwrap(7)
('ab-cd ' * 20)|wordwrap(7)
('ab-cd ' * 20)|wordwrap(7, true, none, false)
('ab-cd' * 20)|wordwrap(7, break_on_hyphens=false)
'Hello there -- you goof-ball, use the -b option!'|wordwrap(12)
'em--dash and a---longer one--'|wordwrap(6)
'a-b-c-d-e e-mail x-1 1-x'|wordwrap(2)
'---- ----'|wordwrap(3)
'a  b   c    d'|wordwrap(3)
'漢字漢字 漢字漢字漢字'|wordwrap(4)
'é-à-û naïve-été'|wordwrap(6)
tabs|wordwrap(3)
blanks|wordwrap(2)
blanks|wordwrap(3)
5|wordwrap
formats
('a&<>"\'' * 3)|escape
'aaa'|replace('a', 'bb', 2)
'aaa'|replace('', '-')
'aaa'|replace('', '-', 2)
''|replace('', '-')
''|replace('a', '-')
'é漢'|replace('', '-')
'abab'|replace('ab', '')
'abab'|replace('ba', 'x', -1)
'abc'|replace('b', 'b', 0)
'a\nb\n\nc'|indent(2)
'a\nb\n\nc'|indent(2, true)
'a\nb\n\nc'|indent(2, true, true)
'a\nb\n\nc'|indent('--', false, true)
''|indent(2, true)
'\n'|indent(2, true, true)
'ab' * 3
3 * 'é'
'' * 3
'ab' * 0
'ab' * -1
`;

const VARIABLES = {
  blanks: "a\u00a0b\u2003cd e\u3000 f",
  tabs: "a\tb\u000bc\u001cd\u0085e",
  formats: [..."\u0600\u0890\u08e2\u{110bd}\u{13430}\u{1bca0}\u{1d173}\ufffd\ue000\u{10fffd}"],
  letters: [] as string[],
};

let jinja: JinjaComparison;

beforeAll(async () => {
  if (PYTHON !== null) jinja = await JinjaComparison.start(VARIABLES);
});

afterAll(() => jinja?.stop());

sayIfPythonIsMissing();

describe.skipIf(PYTHON === null)("compared with Jinja2", () => {
  test("text filters return the same values", async () => {
    await jinja.expectSame(expressionsOf(EXPRESSIONS));
  });

  /** Text made of random pieces, in which the rules interact. */
  function randomTexts(pieces: readonly string[], count: number): string[] {
    const prng = new Prng(24);
    return Array.from({ length: count }, () =>
      Array.from(
        { length: prng.int(0, 14) },
        () => pieces[prng.int(0, pieces.length - 1)] ?? "",
      ).join(""),
    );
  }

  test("wordwrap breaks random text at the same positions", async () => {
    const pieces = [
      ..."ab1_-.,!é漢 \t",
      "--",
      "---",
      "word",
      "a-b",
      "  ",
      "\n",
      "\u00a0",
      "'",
      '"',
    ];
    const texts = randomTexts(pieces, 400);
    const templates = texts.map((text, i) => {
      const more = [i % 3 !== 0, "none", i % 2 === 0].map((value) => String(value));
      return `{{ ${JSON.stringify(text)}|wordwrap(${1 + (i % 9)}, ${more.join(", ")}) }}`;
    });
    await jinja.expectSame(templates);
  });

  test("striptags removes the same tags from random text", async () => {
    const pieces = [
      ..."<>!-&;#x a\n",
      "<!--",
      "-->",
      "&lt;",
      "&amp",
      "&#6",
      "&#x41;",
      "<b>",
      "&not",
    ];
    await jinja.expectSame(
      randomTexts(pieces, 400).map((text) => `{{ ${JSON.stringify(text)}|striptags }}`),
    );
  });
});

/** Code points that Unicode has had since version 3.2, which every version of Python supports. */
function oldCodePoints(): number[] {
  const program =
    "import unicodedata\n" +
    "old = [c for c in range(0x110000) if unicodedata.ucd_3_2_0.category(chr(c)) not in ('Cn', 'Cs')]\n" +
    "print(old)";
  return JSON.parse(Bun.spawnSync([PYTHON ?? "", "-c", program]).stdout.toString());
}

test.skipIf(PYTHON === null)(
  "printed lists escape exactly the letters that Python escapes",
  async () => {
    const old = oldCodePoints();
    for (let i = 0; i < old.length; i += 4096) {
      VARIABLES.letters = old.slice(i, i + 4096).map((code) => String.fromCodePoint(code));
      await jinja.expectSame(["{{ letters }}"]);
    }
  },
  60_000,
);

test.skipIf(PYTHON === null)(
  "letters are converted to the same case as in Python",
  async () => {
    const text = String.fromCodePoint(...oldCodePoints().filter((code) => code < 0x3000));
    VARIABLES.letters = [...text];
    await jinja.expectSame(
      ["upper", "lower", "capitalize", "title"].flatMap((filter) => [
        `{{ letters|map('${filter}')|join(',') }}`,
      ]),
    );
  },
  60_000,
);
