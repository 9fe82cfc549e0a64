import { expect, test } from "vitest";
import { fillRuns, pack, runsOf, unpack } from "../src/runs";

const canvas = (columns: number, ...labels: number[]) => ({
  rows: labels.length / columns,
  columns,
  labels: Uint8Array.from(labels),
});

test("runs are of the bounding box, row by row, outside first", () => {
  const made = canvas(3, 0, 0, 0, 0, 1, 1, 0, 1, 0);
  expect(runsOf(made, 1)).toEqual({ box: [1, 1, 3, 3], counts: [0, 3, 1] });
  expect(runsOf(made, 2)).toEqual({ box: null, counts: [] });
});

test("a mass filled from its runs has the same runs, and takes no pixel of another", () => {
  const made = canvas(3, 0, 0, 2, 0, 0, 0);
  fillRuns(made, { box: [0, 1, 2, 3], counts: [0, 2, 1, 1] }, 1);
  expect([...made.labels]).toEqual([0, 1, 2, 0, 0, 1]);
});

test("a label map comes back from its pairs of value and length", () => {
  const labels = Uint8Array.from([0, 0, 3, 3, 1, 0]);
  expect(pack(labels)).toEqual([0, 2, 3, 2, 1, 1, 0, 1]);
  const again = new Uint8Array(6).fill(9);
  unpack(pack(labels), again);
  expect([...again]).toEqual([...labels]);
});
