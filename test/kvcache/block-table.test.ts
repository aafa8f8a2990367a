// BlockTable: ordered entries, views without allocation, copy on write.

import { describe, expect, test } from "bun:test";
import { BlockTable } from "../../src/kvcache/block-table.ts";

function tableOf(...ids: number[]): BlockTable {
  const table = new BlockTable();
  for (const id of ids) table.append(id);
  return table;
}

describe("BlockTable", () => {
  test("keeps its entries when it grows", () => {
    const ids = Array.from({ length: 20 }, (_, i) => i + 1);
    const table = tableOf(...ids);
    expect([...table.ids()]).toEqual(ids);
    expect([...table.ids(9)]).toEqual(ids.slice(0, 9));
    expect([table.at(0), table.at(19), table.length]).toEqual([1, 20, 20]);
  });

  test("returns the same view as long as the table does not change", () => {
    const table = tableOf(4, 5);
    const view = table.ids();
    expect(table.ids()).toBe(view);
    table.append(6);
    expect([...table.ids()]).toEqual([4, 5, 6]);
    expect([...view]).toEqual([4, 5]);
  });

  test("shows later changes even if a view was taken just before the table grew", () => {
    const table = tableOf(1, 2, 3, 4, 5, 6, 7, 8);
    expect(table.ids().length).toBe(8);
    table.append(9);
    table.replace(0, 10);
    expect([...table.ids(8)]).toEqual([10, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("drops the hashes of a replaced entry and all later entries", () => {
    const table = tableOf(4, 5, 6);
    table.numHashed = 3;
    table.replace(1, 9);
    expect([...table.ids()]).toEqual([4, 9, 6]);
    expect(table.numHashed).toBe(1);
  });

  test("removes and returns its last entry unless that entry is hashed", () => {
    const table = tableOf(4, 5, 6);
    table.numHashed = 2;
    expect(table.pop()).toBe(6);
    expect([...table.ids()]).toEqual([4, 5]);
    expect(() => table.pop()).toThrow("the last block of the table is hashed");
    table.append(7);
    expect([...table.ids()]).toEqual([4, 5, 7]);
    expect(() => tableOf().pop()).toThrow("the last block of the table is hashed");
  });

  test("asserts on missing entries", () => {
    const table = tableOf(4);
    expect(() => table.at(1)).toThrow("no block 1 in the table");
    expect(() => table.at(-1)).toThrow("no block -1 in the table");
    expect(() => table.replace(1, 2)).toThrow("no block 1 in the table");
    expect(() => table.ids(2)).toThrow("fewer than 2 blocks in the table");
  });
});
