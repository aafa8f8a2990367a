// Which requests are rejected after engine crashes.

import { describe, expect, test } from "bun:test";
import { suspectHash } from "../../src/process/suspect-hash.ts";
import { type Attempt, type Ruling, Suspects } from "../../src/process/suspects.ts";
import type { EngineRequest } from "../../src/protocol/protocol.ts";
import { DEFAULT_SAMPLING_PARAMS } from "../../src/request/sampling-params.ts";
import { Prng } from "../support/prng.ts";

const MINUTE_MS = 60_000;

const attempt = (hash: string): Attempt => ({ hash });

/** Helpers that let attempts arrive, finish, and be in progress at a crash. */
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
  test("runs after one crash, and is rejected for ten minutes after the second", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "a", "b");
    expect(rulingsOf(0, "a")).toEqual(["runs"]);
    dieOf(5 * MINUTE_MS, "a");
    expect(rulingsOf(5 * MINUTE_MS, "a", "b", "c")).toEqual(["refused", "runs", "runs"]);
    expect(rulingsOf(15 * MINUTE_MS - 1, "a")).toEqual(["refused"]);
    expect(rulingsOf(15 * MINUTE_MS, "a")).toEqual(["runs"]);
  });

  test("is not rejected if the two crashes are ten minutes apart", () => {
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

  test("is not suspected of crashes at which it was not in progress", () => {
    const { suspects, rulingsOf, dieOf } = open();
    suspects.recordDeath(0);
    suspects.recordDeath(1);
    expect(rulingsOf(2, "a")).toEqual(["runs"]);
    dieOf(3, "a");
    // A crash during loading, before any request was admitted.
    suspects.recordDeath(4);
    expect(rulingsOf(5, "a")).toEqual(["runs"]);
  });
});

describe("a request that succeeded", () => {
  test("before the crashes is never suspected, no matter how many crashes it is in progress at", () => {
    const { finish, arrive, suspects, rulingsOf } = open();
    finish(0, "monitor");
    for (let minute = 1; minute < 5; minute++) {
      expect(arrive(minute * MINUTE_MS, "monitor", "monitor")[0]).toEqual(["runs", "runs"]);
      suspects.recordDeath(minute * MINUTE_MS);
    }
    expect(rulingsOf(5 * MINUTE_MS, "monitor")).toEqual(["runs"]);
  });

  test("after a crash is permanently cleared", () => {
    const { dieOf, finish, rulingsOf, suspects, arrive } = open();
    dieOf(0, "a", "killer");
    finish(1, "a");
    dieOf(2, "a", "killer");
    expect(rulingsOf(3, "a", "killer")).toEqual(["runs", "refused"]);
    arrive(4, "a");
    suspects.recordDeath(5);
    expect(rulingsOf(6, "a")).toEqual(["runs"]);
  });

  test("is not one whose client disconnected or whose step failed", () => {
    const { dieOf, finish, rulingsOf } = open();
    finish(0, "a", false);
    dieOf(1, "a");
    finish(2, "a", false);
    dieOf(3, "a");
    expect(rulingsOf(4, "a")).toEqual(["refused"]);
  });

  test("clears an identical request that is running", () => {
    const { dieOf, arrive, suspects, rulingsOf } = open();
    dieOf(0, "a");
    const [, [first]] = arrive(1, "a", "a");
    suspects.finish(first as Attempt, true);
    suspects.recordDeath(2);
    expect(rulingsOf(3, "a")).toEqual(["runs"]);
  });
});

describe("several suspects", () => {
  test("are retried one at a time, in order of arrival, while other requests never wait", () => {
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

  test("are not rejected, except the one on trial at the second crash", () => {
    const { dieOf, finish, arrive, suspects, rulingsOf } = open();
    dieOf(0, "a", "killer", "b");
    finish(1, "new");
    const [, [, a, b]] = arrive(1, "killer", "a", "b", "new");
    suspects.recordDeath(2);
    suspects.leave(a as Attempt);
    suspects.leave(b as Attempt);
    expect(rulingsOf(3, "killer", "a", "b", "new")).toEqual(["refused", "runs", "runs", "runs"]);
  });

  test("share one trial if they are identical, but do not overtake others", () => {
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

  test("run as soon as an identical request is cleared", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b", "c");
    const [, [a]] = arrive(1, "a", "b", "c", "a", "b");
    suspects.finish(a as Attempt, true);
    expect(hashesOf(suspects.takeNext(2))).toEqual(["b", "a"]);
  });

  test("run once the crash is ten minutes old", () => {
    const { dieOf, arrive, suspects } = open();
    dieOf(0, "a", "b", "c");
    arrive(1, "a", "b", "c");
    expect(hashesOf(suspects.takeNext(10 * MINUTE_MS))).toEqual(["b", "c"]);
  });

  test("do not hold up others after leaving the queue", () => {
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

describe("a suspect that runs next to a request not seen before", () => {
  test("is not rejected after the second crash, which either of them could have caused", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "first killer", "innocent");
    dieOf(1, "innocent", "second killer");
    expect(rulingsOf(2, "innocent", "second killer")).toEqual(["runs", "runs"]);
  });

  test("is rejected after a third crash, whether it runs alone or not", () => {
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

  test("is rejected after the second crash if it ran alone at that crash", () => {
    const { dieOf, rulingsOf } = open();
    dieOf(0, "killer", "innocent");
    dieOf(1, "killer", "killer");
    expect(rulingsOf(2, "killer", "innocent")).toEqual(["refused", "runs"]);
  });
});

/** "shared": another request that had not succeeded until then was also in progress at the crash. */
type Death = "alone" | "shared";

/**
 * Simulates requests that arrive, finish, and are aborted at random. Killers crash the engine at some step.
 * @param innocents kinds of harmless requests
 * @returns kinds rejected by the end, and the crashes at which each killer was in progress
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

describe("a simulation with harmless requests that are repeated, aborted, and delayed", () => {
  const worlds: [string, string[], number][] = [
    ["the killer", ["killer"], 30],
    ["the killer among many requests", ["killer"], 3_000],
    ["both killers", ["killer 1", "killer 2"], 30],
    ["both killers among many requests", ["killer 1", "killer 2"], 3_000],
  ];
  test.each(worlds)(
    "rejects only %s, after two crashes, or three if it was not alone at the second",
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

describe("two calls to the engine", () => {
  const first: EngineRequest = {
    ...{ externalId: "cmpl-1" },
    ...{ requestIds: ["1"], prompt: Int32Array.of(1, 2), mustFit: true, priority: 0 },
    ...{ samplingParams: DEFAULT_SAMPLING_PARAMS, cacheSalt: null },
  };
  const hash = (request: EngineRequest) => suspectHash("add", [request]);

  test("are the same if only ID, seed, or priority differ, but not if prompt or limit differ", () => {
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

  test("are the same only if their methods and arguments are", () => {
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
