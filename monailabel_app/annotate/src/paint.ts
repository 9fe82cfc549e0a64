// Drawing on a label map: discs, strokes, polygons. A point is [row, column] in pixels, its integers are the centres.

export type Point = [number, number];

export type Box = [number, number, number, number]; // top, left, bottom, right; the last two exclusive

export interface Canvas {
  rows: number;
  columns: number;
  labels: Uint8Array;
}

// What drawing puts: `value` on pixels without a mass, or, where `erases`, 0 on pixels of `value`.
export interface Ink {
  value: number;
  erases: boolean;
}

// All pixels within `radius` of the line from `from` to `to`; a dab where both are one point.
export function paintStroke(canvas: Canvas, from: Point, to: Point, radius: number, ink: Ink): void {
  const { rows, columns } = canvas;
  const [dr, dc] = [to[0] - from[0], to[1] - from[1]];
  const length2 = dr * dr + dc * dc;
  const top = Math.max(0, Math.ceil(Math.min(from[0], to[0]) - radius));
  const bottom = Math.min(rows - 1, Math.floor(Math.max(from[0], to[0]) + radius));
  const left = Math.max(0, Math.ceil(Math.min(from[1], to[1]) - radius));
  const right = Math.min(columns - 1, Math.floor(Math.max(from[1], to[1]) + radius));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const along = length2 ? ((row - from[0]) * dr + (column - from[1]) * dc) / length2 : 0;
      const t = Math.min(1, Math.max(0, along));
      const [r, c] = [row - from[0] - t * dr, column - from[1] - t * dc];
      if (r * r + c * c <= radius * radius) put(canvas, row * columns + column, ink);
    }
  }
}

// All pixels whose centre is inside the polygon, by the even-odd rule.
export function paintPolygon(canvas: Canvas, corners: readonly Point[], ink: Ink): void {
  const { rows, columns } = canvas;
  const first = Math.max(0, Math.ceil(Math.min(...corners.map((corner) => corner[0]))));
  const last = Math.min(rows - 1, Math.floor(Math.max(...corners.map((corner) => corner[0]))));
  for (let row = first; row <= last; row++) {
    const crossings: number[] = [];
    corners.forEach(([r0, c0], index) => {
      const [r1, c1] = corners[(index + 1) % corners.length];
      if (r0 <= row !== r1 <= row) crossings.push(c0 + ((row - r0) / (r1 - r0)) * (c1 - c0));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const right = Math.min(columns - 1, Math.floor(crossings[i + 1]));
      for (let column = Math.max(0, Math.ceil(crossings[i])); column <= right; column++) {
        put(canvas, row * columns + column, ink);
      }
    }
  }
}

function put({ labels }: Canvas, index: number, ink: Ink): void {
  if (labels[index] === (ink.erases ? ink.value : 0)) labels[index] = ink.erases ? 0 : ink.value;
}
