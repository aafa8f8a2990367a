// Signal: which waiters a notification wakes.

import { describe, expect, test } from "bun:test";
import { Signal } from "../src/signal.ts";

/** Names of the waiters that have been woken, in order. */
function wakesOf(signal: Signal) {
  const woken: string[] = [];
  const wait = (name: string) => void signal.wait().then(() => woken.push(name));
  return { woken, wait };
}

describe("Signal", () => {
  test("wakes all waiters once", async () => {
    const signal = new Signal();
    const { woken, wait } = wakesOf(signal);
    for (const name of ["a", "b"]) wait(name);
    signal.notify();
    signal.notify();
    await Promise.resolve();
    expect(woken).toEqual(["a", "b"]);
  });

  test("a wait that begins after a notification lasts until the next one", async () => {
    const signal = new Signal();
    const { woken, wait } = wakesOf(signal);
    signal.notify();
    wait("a");
    await Promise.resolve();
    expect(woken).toEqual([]);
    signal.notify();
    wait("b");
    await Promise.resolve();
    expect(woken).toEqual(["a"]);
  });
});
