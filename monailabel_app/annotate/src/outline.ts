// One mass as paths along the edges of its pixels, in pixels of the image, (column, row): what is shown is what is saved,
// at every zoom, and a stroke sends no texture of the whole image to the graphics card.
import type { Canvas } from "./paint";
import type { Runs } from "./runs";

// Its pixels, a rectangle a run and row.
export function areaOf({ box, counts }: Runs): string {
  if (!box) return "";
  const [top, left, , right] = box;
  const width = right - left;
  const parts: string[] = [];
  let at = 0;
  counts.forEach((count, index) => {
    let end = at + count;
    while (index % 2 && at < end) {
      const row = Math.floor(at / width);
      const stop = Math.min(end, (row + 1) * width);
      const [x, y] = [left + (at % width) - 0.5, top + row - 0.5];
      parts.push(`M${x} ${y}h${stop - at}v1h${at - stop}z`);
      at = stop;
    }
    at = end;
  });
  return parts.join("");
}

// Its border.
export function outlineOf({ labels, rows, columns }: Canvas, { box }: Runs, value: number): string {
  if (!box) return "";
  const [top, left, bottom, right] = box;
  const has = (row: number, column: number) =>
    row >= 0 && column >= 0 && row < rows && column < columns && labels[row * columns + column] === value;
  const parts: string[] = [];
  for (let row = top; row <= bottom; row++) {
    edges(left, right, (column) => has(row - 1, column) !== has(row, column), (from, to) =>
      parts.push(`M${from - 0.5} ${row - 0.5}H${to - 0.5}`),
    );
  }
  for (let column = left; column <= right; column++) {
    edges(top, bottom, (row) => has(row, column - 1) !== has(row, column), (from, to) =>
      parts.push(`M${column - 0.5} ${from - 0.5}V${to - 0.5}`),
    );
  }
  return parts.join("");
}

// Runs of places from `first` to before `last` where there is an edge.
function edges(first: number, last: number, isEdge: (at: number) => boolean, found: (from: number, to: number) => void) {
  let from = -1;
  for (let at = first; at <= last; at++) {
    const is = at < last && isEdge(at);
    if (is && from < 0) from = at;
    if (!is && from >= 0) {
      found(from, at);
      from = -1;
    }
  }
}
