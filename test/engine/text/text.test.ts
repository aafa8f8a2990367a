// Incremental text: never a partial character, never a partial stop string.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Detokenizer, TokenTexts } from "../../../src/engine/text/detokenizer.ts";
import { StopChecker } from "../../../src/engine/text/stop-checker.ts";
import type { Piece } from "../../../src/engine/text/text-stage.ts";
import { FAKE_EOS, FakeTokenizer } from "../../support/fake-model-runner.ts";

/** Text of all pieces, and the stop string that ended the text, or null. */
function shownBy(pieces: readonly Piece[]): { text: string; stop: string | null } {
  const text = pieces.map((piece) => (piece.kind === "text" ? piece.text : "")).join("");
  const last = pieces.at(-1);
  return { text, stop: last?.kind === "stop" ? last.stop : null };
}

const texts = new TokenTexts(new FakeTokenizer());
const pieces = (ids: number[], skipSpecial = true) => {
  const detokenizer = new Detokenizer(texts, skipSpecial);
  return ids.map(
    (tokenId, i) => shownBy(detokenizer.push({ kind: "token", tokenId, tokenNumber: i + 1 })).text,
  );
};

describe("Detokenizer", () => {
  test("holds back a character's bytes until it is complete", () => {
    expect(pieces([...Buffer.from("aé€😀")])).toEqual([
      "a",
      "",
      "é",
      "",
      "",
      "€",
      "",
      "",
      "",
      "😀",
    ]);
  });

  test("emits bytes that cannot begin a character as U+FFFD immediately", () => {
    expect(pieces([0x61, 0xff, 0x80, 0x62])).toEqual(["a", "\ufffd", "\ufffd", "b"]);
    expect(pieces([0xe2, 0x61])).toEqual(["", "\ufffda"]);
  });

  test("omits special tokens, or emits their text if requested", () => {
    expect(pieces([97, FAKE_EOS])).toEqual(["a", ""]);
    expect(pieces([97, FAKE_EOS], false)).toEqual(["a", "</s>"]);
  });

  test("restores any text from its bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const bytes = new TextEncoder().encode(text);
        expect(pieces([...bytes]).join("")).toBe(new TextDecoder().decode(bytes));
      }),
    );
  });
});

describe("StopChecker", () => {
  /** Pushes the text of a token that can stop the sequence, or of one of the first minTokens tokens. */
  const check = (checker: StopChecker, text: string, canStop = true) =>
    shownBy(checker.push({ kind: "text", text, tokenNumber: canStop ? 2 : 1 }));
  const push = (stops: string[], include: boolean, parts: string[]) => {
    const checker = new StopChecker(stops, include, 0);
    return parts.map((part) => check(checker, part));
  };

  test("emits text immediately if there are no stop strings", () => {
    expect(push([], false, ["abc"])).toEqual([{ text: "abc", stop: null }]);
  });

  test("holds back a possible stop string prefix and emits it if no stop string follows", () => {
    expect(push(["END"], false, ["aE", "N", "x"])).toEqual([
      { text: "a", stop: null },
      { text: "", stop: null },
      { text: "ENx", stop: null },
    ]);
  });

  test("ends the text before or after the stop string", () => {
    expect(push(["END"], false, ["aE", "NDb"])[1]).toEqual({ text: "", stop: "END" });
    expect(push(["END"], true, ["aE", "NDb"])[1]).toEqual({ text: "END", stop: "END" });
  });

  test("stops at the stop string that comes first in the text", () => {
    expect(push(["cd", "b"], false, ["abcd"])).toEqual([{ text: "a", stop: "b" }]);
  });

  test("ignores stop strings that end within the first minTokens, but not if they only begin there", () => {
    const checker = new StopChecker([","], false, 1);
    expect(check(checker, "a,", false)).toEqual({ text: "a,", stop: null });
    expect(check(checker, "b")).toEqual({ text: "b", stop: null });
    expect(check(checker, "c,")).toEqual({ text: "c", stop: "," });
    const across = new StopChecker(["END"], false, 1);
    expect(check(across, "aENDbEN", false)).toEqual({ text: "aENDb", stop: null });
    expect(check(across, "Dc")).toEqual({ text: "", stop: "END" });
    // The first stop string is a prefix of the second.
    const nested = new StopChecker(["a", "ab c"], false, 1);
    expect(check(nested, "xa", false)).toEqual({ text: "x", stop: null });
    expect(check(nested, "b")).toEqual({ text: "", stop: null });
    expect(check(nested, "z")).toEqual({ text: "abz", stop: null });
  });

  test("emits held-back text if the sequence ends for another reason", () => {
    const checker = new StopChecker(["END"], false, 1);
    check(checker, "aEN");
    expect(shownBy(checker.flush()).text).toBe("EN");
  });

  test("emits the same text no matter how its pieces are split", () => {
    const cuts = fc.array(fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 3 }));
    fc.assert(
      fc.property(cuts, fc.constantFrom("ab", "aab", "bb"), (parts, stop) => {
        const checker = new StopChecker([stop], false, 1);
        let shown = "";
        for (const part of parts) {
          const { text, stop: found } = check(checker, part);
          shown += text;
          if (found !== null) break;
        }
        const all = parts.join("");
        const at = all.indexOf(stop);
        expect(at < 0 ? shown + shownBy(checker.flush()).text : shown).toBe(
          at < 0 ? all : all.slice(0, at),
        );
      }),
    );
  });
});
