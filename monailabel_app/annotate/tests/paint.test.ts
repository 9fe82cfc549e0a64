import { expect, test } from "vitest";
import { outlineOf } from "../src/outline";
import { paintPolygon, paintStroke } from "../src/paint";
import { runsOf } from "../src/runs";

const empty = (rows: number, columns: number) => ({ rows, columns, labels: new Uint8Array(rows * columns) });
const drawn = ({ columns, labels }: { columns: number; labels: Uint8Array }) =>
  [...labels].map((value) => (value ? value : ".")).join("").match(new RegExp(`.{${columns}}`, "g"));

test("a dab is a disc, a stroke all within its radius of the line, and both end at the edge of the image", () => {
  const canvas = empty(4, 6);
  paintStroke(canvas, [0, 0], [0, 0], 1, { value: 1, erases: false });
  paintStroke(canvas, [2, 3], [2, 9], 1, { value: 2, erases: false });
  expect(drawn(canvas)).toEqual(["11....", "1..222", "..2222", "...222"]);
});

test("a brush leaves other masses alone, and the eraser takes from its own only", () => {
  const canvas = empty(1, 5);
  paintStroke(canvas, [0, 0], [0, 2], 0, { value: 1, erases: false });
  paintStroke(canvas, [0, 0], [0, 4], 0, { value: 2, erases: false });
  expect(drawn(canvas)).toEqual(["11122"]);
  paintStroke(canvas, [0, 0], [0, 4], 0, { value: 2, erases: true });
  expect(drawn(canvas)).toEqual(["111.."]);
});

test("a polygon holds the pixels whose centres are in it", () => {
  const canvas = empty(4, 5);
  paintPolygon(canvas, [[0.5, 0.5], [0.5, 3.5], [2.5, 3.5], [2.5, 0.5]], { value: 1, erases: false });
  expect(drawn(canvas)).toEqual([".....", ".111.", ".111.", "....."]);
});

test("the outline runs along the edges of the pixels", () => {
  const canvas = empty(3, 4);
  canvas.labels.set([1, 1], 5);
  expect(outlineOf(canvas, runsOf(canvas, 1), 1)).toBe("M0.5 0.5H2.5M0.5 1.5H2.5M0.5 0.5V1.5M2.5 0.5V1.5");
});
