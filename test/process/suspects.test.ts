// Requests that are refused after engine crashes, and those that are not.

import { describe, expect, test } from "bun:test";
import { suspectHash } from "../../src/process/suspect-hash.ts";
import { type Attempt, type Ruling, Suspects } from "../../src/process/suspects.ts";
import type { EngineRequest } from "../../src/protocol/protocol.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import { Prng } from "../support/prng.ts";

const MINUTE_MS = 60_000;

const attempt = (hash: string): Attempt => ({ hash });

/** Admits attempts; keeps those that run, so they can be ended. */
function open() {
  const suspects = new Suspects();
  const arrive = (nowMs: number, ...hashes: string[]): [Ruling[], Attempt[]] => {
    const attempts = hashes.map(attempt);
    return [attempts.map((one) => suspects.arrive(nowMs, one)), attempts];
  };
  const finish = (nowMs: number, hash: string, isWell = true) => {
    const [[ruling], [one]] = arrive(nowMs, hash);
    expect(ruling).toBe("runs");
    suspects.finish(one as Attempt, isWell);
  };
  const dieOf = (nowMs: number, ...hashes: string[]) => {
    const [rulings] = arrive(nowMs, ...hashes);
    expect(rulings).toEqual(hashes.map(() => "runs"));
    suspects.recordDeath(nowMs);
  };
  const rulingsOf = (nowMs: number, ...hashes: string[]) =>
    hashes.map((hash) => {
      const one = attempt(hash);
      const ruling = suspects.arrive(nowMs, one);
      suspects.leave(one);
      suspects.finish(one, false);
      return ruling;
    });
  return { suspects, arrive, finish, dieOf, rulingsOf };
}

const hashesOf = (attempts: readonly Attempt[]) => attempts.map(({ hash }) => hash);

describe("a request in progress at crashes", () => {
  test("runs after one, and is refused after two for ten minutes after the second", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "a", "b");
    expect(rulingsOf(0, "a")).toEqual(["runs"]);
    dieOf(5 * MINUTE_MS, "a");
    expect(rulingsOf(5 * MINUTE_MS, "a", "b", "c")).toEqual(["refused", "runs", "runs"]);
    expect(rulingsOf(15 * MINUTE_MS - 1, "a")).toEqual(["refused"]);
    expect(rulingsOf(15 * MINUTE_MS, "a")).toEqual(["runs"]);
  });

  test("is not refused after two crashes that are ten minutes apart", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "a");
    dieOf(10 * MINUTE_MS, "a");
    expect(rulingsOf(10 * MINUTE_MS, "a")).toEqual(["runs"]);
  });

  test("counts once per crash, even if sent several times", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "a", "a", "a");
    expect(rulingsOf(0, "a")).toEqual(["runs"]);
  });

  test("is no suspect if the crash happened without it", () => {
    const { suspects, rulingsOf, dieOf } = open();
    suspects.recordDeath(0);
    suspects.recordDeath(1);
    expect(rulingsOf(2, "a")).toEqual(["runs"]);
    dieOf(3, "a");
    // A crash while loading: no request was admitted.
    suspects.recordDeath(4);
    expect(rulingsOf(5, "a")).toEqual(["runs"]);
  });
});

describe("a request that finished well", () => {
  test("before is no suspect, whatever the number of crashes it is in progress at", () => {
    const { finish, arrive, suspects, rulingsOf } = open();
    finish(0, "monitor");
    for (let minute = 1; minute < 5; minute++) {
      expect(arrive(minute * MINUTE_MS, "monitor", "monitor")[0]).toEqual(["runs", "runs"]);
      suspects.recordDeath(minute * MINUTE_MS);
    }
    expect(rulingsOf(5 * MINUTE_MS, "monitor")).toEqual(["runs"]);
  });

  test("since is cleared for good", () => {
    const { dieOf, finish, rulingsOf, suspects, arrive } = open();
    dieOf(0, "a", "killer");
    finish(1, "a");
    dieOf(2, "a", "killer");
    expect(rulingsOf(3, "a", "killer")).toEqual(["runs", "refused"]);
    arrive(4, "a");
    suspects.recordDeath(5);
    expect(rulingsOf(6, "a")).toEqual(["runs"]);
  });

  test("does not count if it ended otherwise: its client disconnected or its step failed", () => {
    const { dieOf, finish, rulingsOf } = open();
    finish(0, "a", false);
    dieOf(1, "a");
    finish(2, "a", false);
    dieOf(3, "a");
    expect(rulingsOf(4, "a")).toEqual(["refused"]);
  });

  test("clears an equal one that is running", () => {
    const { dieOf, arrive, suspects, rulingsOf } = open();
    dieOf(0, "a");
    const [, [first]] = arrive(1, "a", "a");
    suspects.finish(first as Attempt, true);
    suspects.recordDeath(2);
    expect(rulingsOf(3, "a")).toEqual(["runs"]);
  });
});

describe("several suspects", () => {
  test("are tried one at a time, in order of arrival; others never wait", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b", "c");
    const [rulings, [a, c, b]] = arrive(1, "a", "c", "b", "new", "new");
    expect(rulings).toEqual(["runs", "waits", "waits", "runs", "runs"]);
    expect(suspects.takeNext(2)).toEqual([]);
    suspects.finish(a as Attempt, true);
    expect(suspects.takeNext(3)).toEqual([c as Attempt]);
    suspects.finish(c as Attempt, false);
    expect(suspects.takeNext(4)).toEqual([b as Attempt]);
    expect(suspects.takeNext(5)).toEqual([]);
  });

  test("are not refused, except the one on trial at the second crash", () => {
    const { dieOf, finish, arrive, suspects, rulingsOf } = open();
    dieOf(0, "a", "killer", "b");
    finish(1, "new");
    const [, [, a, b]] = arrive(1, "killer", "a", "b", "new");
    suspects.recordDeath(2);
    suspects.leave(a as Attempt);
    suspects.leave(b as Attempt);
    expect(rulingsOf(3, "killer", "a", "b", "new")).toEqual(["refused", "runs", "runs", "runs"]);
  });

  test("share one trial if they are equal, but do not overtake others", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b");
    const [rulings, [first, second, b]] = arrive(1, "a", "a", "b", "a", "a");
    expect(rulings).toEqual(["runs", "runs", "waits", "waits", "waits"]);
    suspects.finish(first as Attempt, false);
    expect(suspects.takeNext(2)).toEqual([]);
    suspects.finish(second as Attempt, false);
    expect(suspects.takeNext(3)).toEqual([b as Attempt]);
    suspects.finish(b as Attempt, true);
    expect(hashesOf(suspects.takeNext(4))).toEqual(["a", "a"]);
  });

  test("run as soon as an equal one is cleared", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b", "c");
    const [, [a]] = arrive(1, "a", "b", "c", "a", "b");
    suspects.finish(a as Attempt, true);
    expect(hashesOf(suspects.takeNext(2))).toEqual(["b", "a"]);
  });

  test("run when the suspicion is ten minutes old", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b", "c");
    arrive(1, "a", "b", "c");
    expect(hashesOf(suspects.takeNext(10 * MINUTE_MS))).toEqual(["b", "c"]);
  });

  test("hold up no others when they leave the queue", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b", "c");
    const [, [a, b, c]] = arrive(1, "a", "b", "c");
    suspects.leave(b as Attempt);
    suspects.finish(a as Attempt, false);
    expect(suspects.takeNext(2)).toEqual([c as Attempt]);
  });
});

describe("memory", () => {
  const many = Array.from({ length: 4096 }, (_, i) => String(i));

  test("drops the oldest of 4,097 suspects", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "a");
    dieOf(1, "a");
    dieOf(2, ...many);
    expect(rulingsOf(3, "a")).toEqual(["runs"]);
    dieOf(4, "5");
    expect(rulingsOf(5, "5")).toEqual(["refused"]);
  });

  test("keeps the 4,096 most recently cleared requests", () => {
    const { finish, dieOf, rulingsOf } = open();
    finish(0, "often");
    finish(0, "once");
    for (const hash of many.slice(1)) finish(1, hash);
    finish(2, "often");
    dieOf(3, "once", "often");
    dieOf(4, "once", "often");
    expect(rulingsOf(5, "once", "often")).toEqual(["refused", "runs"]);
  });
});

describe("a suspect that a request seen for the first time runs beside", () => {
  test("is not refused after the second crash, which either can have caused", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "first killer", "innocent");
    dieOf(1, "innocent", "second killer");
    expect(rulingsOf(2, "innocent", "second killer")).toEqual(["runs", "runs"]);
  });

  test("is refused after a third crash, shared or not", () => {
    for (const others of [[], ["third"]]) {
      const { dieOf, rulingsOf } = open();
      dieOf(0, "killer", "first");
      dieOf(1, "killer", "second");
      dieOf(2, "killer", ...others);
      expect(rulingsOf(3, "killer", "first", "second", ...others)).toEqual([
        "refused",
        "runs",
        "runs",
        ...others.map((): Ruling => "runs"),
      ]);
    }
  });

  test("is refused after the second crash if it was alone then", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "killer", "innocent");
    dieOf(1, "killer", "killer");
    expect(rulingsOf(2, "killer", "innocent")).toEqual(["refused", "runs"]);
  });
});

/** Whether a crash happened beside another request that had not finished normally by then. */
type Death = "alone" | "shared";

/**
 * Requests arrive, finish and are aborted at random; some kinds of them crash the engine at some step.
 * @param innocents kinds of harmless requests
 * @returns kinds refused by the end, and the crashes that each killer was in progress at
 */
function simulate(seed: number, killers: readonly string[], innocents: number) {
  const prng = new Prng(seed);
  const suspects = new Suspects();
  const running = new Set<Attempt>();
  const line = new Set<Attempt>();
  const refused = new Set<string>();
  const finished = new Set<string>();
  const deaths = new Map(killers.map((killer): [string, Death[]] => [killer, []]));
  const take = (attempts: readonly Attempt[]) => {
    for (const one of attempts) {
      line.delete(one);
      running.add(one);
    }
  };
  const end = (one: Attempt, nowMs: number, isWell: boolean) => {
    running.delete(one);
    if (isWell) finished.add(one.hash);
    suspects.finish(one, isWell);
    take(suspects.takeNext(nowMs));
  };
  const die = (nowMs: number) => {
    const possible = new Set(hashesOf([...running])).difference(finished);
    for (const hash of possible) deaths.get(hash)?.push(possible.size > 1 ? "shared" : "alone");
    suspects.recordDeath(nowMs);
    for (const one of line) suspects.leave(one);
    running.clear();
    line.clear();
  };
  const arrive = (nowMs: number) => {
    const killer = prng.chance(0.1 * killers.length) ? prng.int(0, killers.length - 1) : null;
    const hash = killer === null ? `innocent ${prng.int(1, innocents)}` : killers[killer];
    const one = attempt(hash as string);
    const ruling = suspects.arrive(nowMs, one);
    if (ruling === "refused") refused.add(one.hash);
    else (ruling === "runs" ? running : line).add(one);
  };
  const NUM_TURNS = 2_000;
  for (let turn = 0; turn < NUM_TURNS; turn++) {
    const nowMs = turn * 100;
    if (running.size + line.size < 20) arrive(nowMs);
    const one = [...running][prng.int(0, running.size - 1)];
    if (one === undefined || prng.chance(0.3)) continue;
    if (prng.chance(0.2)) end(one, nowMs, false);
    else if (killers.includes(one.hash)) die(nowMs);
    else end(one, nowMs, true);
  }
  return { refused: [...refused].sort(), deaths };
}

describe("among harmless requests that are repeated, aborted and delayed", () => {
  const worlds: [string, string[], number][] = [
    ["one that crashes", ["killer"], 30],
    ["one that crashes among many", ["killer"], 3_000],
    ["two that crash", ["killer 1", "killer 2"], 30],
    ["two that crash among many", ["killer 1", "killer 2"], 3_000],
  ];
  test.each(worlds)(
    "only %s is refused, after two crashes, or three if it was not alone at the second",
    (_, killers, innocents) => {
      for (let seed = 1; seed <= 300; seed++) {
        const { refused, deaths } = simulate(seed, killers, innocents);
        expect([seed, refused]).toEqual([seed, killers]);
        for (const crashes of deaths.values()) {
          const expected = crashes[1] === "alone" ? 2 : 3;
          expect([seed, crashes.length]).toEqual([seed, expected]);
        }
      }
    },
  );
});

describe("two calls", () => {
  const first: EngineRequest = {
    ...{ externalId: "cmpl-1" },
    ...{ requestIds: ["1"], prompt: Int32Array.of(1, 2), mustFit: true, priority: 0 },
    ...{ samplingParams: DEFAULT_SAMPLING_PARAMS, cacheSalt: null },
  };
  const hash = (request: EngineRequest) => suspectHash("add", [request]);

  test("are the same with another id, seed or priority, but not with another prompt or limit", () => {
    const params = { ...DEFAULT_SAMPLING_PARAMS, seed: 7n };
    const again = {
      ...first,
      externalId: "cmpl-2",
      requestIds: ["2"],
      priority: 3,
      samplingParams: params,
    };
    expect(hash(again)).toBe(hash(first));
    const longer = { ...first, prompt: Int32Array.of(1, 2, 3) };
    expect(hash(longer)).not.toBe(hash(first));
    const limited = { ...first, samplingParams: { ...params, maxTokens: 17 } };
    expect(hash(limited)).not.toBe(hash(first));
  });

  test("are the same only with the same method and arguments", () => {
    const ids = Int32Array.of(1, 2);
    const calls = [
      suspectHash("encode", ["a", true]),
      suspectHash("encode", ["a", false]),
      suspectHash("encode", ["b", true]),
      suspectHash("decode", [ids, true]),
      suspectHash("tokenBytes", [ids]),
      hash(first),
      hash({ ...first, prompt: { text: "a", addSpecial: true } }),
    ];
    expect(new Set(calls).size).toBe(calls.length);
    expect(suspectHash("encode", ["a", true])).toBe(calls[0] as string);
  });
});
