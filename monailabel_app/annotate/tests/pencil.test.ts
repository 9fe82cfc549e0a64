import { expect, test } from "vitest";
import type { Tool } from "../src/keys";
import { Pencil, type Host } from "../src/pencil";
import { Work } from "../src/work";

function inHand(tool: Tool) {
  const work = new Work({ rows: 20, columns: 20, labels: new Uint8Array(400) });
  const asked: unknown[] = [];
  let steps = 0;
  const host: Host = {
    begin: () => work,
    prompt: (part) => asked.push(part),
    done: () => steps++,
    redraw: () => {},
  };
  const pencil = new Pencil(host, () => 1);
  pencil.take(tool);
  pencil.radius = 1;
  return { pencil, work, asked, steps: () => steps, area: () => work.canvas.labels.filter(Boolean).length };
}

test("a click asks the model about a point inside, with shift about one outside", () => {
  const { pencil, asked } = inHand("click");
  pencil.press([3, 4]);
  pencil.release([3, 4], false);
  pencil.cross = [5, 6];
  pencil.apply(true);
  expect(asked).toEqual([
    { click: [3, 4], inside: true },
    { click: [5, 6], inside: false },
  ]);
});

test("a box is asked for from its drag or its two corners, ends at the image, and a slip of the hand is none", () => {
  const { pencil, asked } = inHand("box");
  pencil.press([15, 30]);
  pencil.move([4, 8]);
  pencil.release([4, 8], false);
  pencil.cross = [1, 1];
  pencil.apply(false);
  pencil.move([5, 6]);
  pencil.apply(false);
  pencil.press([9, 9]);
  pencil.release([10, 9], false);
  expect(asked).toEqual([{ box: [4, 8, 16, 20] }, { box: [1, 1, 6, 7] }]);
});

test("a stroke is one step, drawn by mouse or by keys", () => {
  const { pencil, steps, area } = inHand("brush");
  pencil.press([5, 5]);
  pencil.move([5, 8]);
  pencil.release([5, 8], false);
  expect([steps(), area()]).toEqual([1, 14]);
  pencil.cross = [12, 5];
  pencil.togglePen();
  pencil.move([12, 8]);
  expect(pencil.isFree).toBe(false);
  pencil.togglePen();
  expect([steps(), area(), pencil.isFree]).toEqual([2, 28, true]);
});

test("a polygon closes on its first corner or by a key, and two corners are none", () => {
  const { pencil, steps, area } = inHand("polygon");
  pencil.togglePen();
  for (const corner of [[0, 0], [0, 12], [12, 12], [12, 0], [1, 1]] as const) pencil.release([...corner], false);
  expect([steps(), pencil.corners.length]).toEqual([1, 0]);
  expect(area()).toBe(12 * 13);
  pencil.release([14, 0], false);
  pencil.release([14, 9], false);
  pencil.togglePen();
  expect(steps()).toBe(1);
});

test("the eraser makes no mass, and what is begun is dropped by another tool", () => {
  const { pencil, work, steps } = inHand("eraser");
  pencil.press([5, 5]);
  pencil.release([5, 5], false);
  expect([work.masses.length, steps()]).toEqual([0, 0]);
  pencil.take("polygon");
  pencil.release([1, 1], false);
  pencil.take("click");
  expect(pencil.corners).toEqual([]);
});
