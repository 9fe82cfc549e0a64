// Masks as the server takes them: a bounding box (top, left, bottom, right; the last two exclusive) and lengths of runs
// within it, row by row, of pixels outside and inside in turn, outside first.
import type { Box, Canvas } from "./paint";

export interface Runs {
  box: Box | null; // null where no pixel is inside
  counts: number[];
}

// Runs of the pixels that hold `value`.
export function runsOf({ labels, rows, columns }: Canvas, value: number): Runs {
  let [top, left, bottom, right] = [rows, columns, 0, 0];
  for (let row = 0; row < rows; row++) {
    const [from, to] = [row * columns, (row + 1) * columns];
    const first = labels.subarray(from, to).indexOf(value);
    if (first < 0) continue;
    top = Math.min(top, row);
    bottom = row + 1;
    left = Math.min(left, first);
    right = Math.max(right, labels.subarray(from, to).lastIndexOf(value) + 1);
  }
  if (!bottom) return { box: null, counts: [] };
  const counts = [0];
  let inside = false;
  for (let row = top; row < bottom; row++) {
    for (let i = row * columns + left; i < row * columns + right; i++) {
      if ((labels[i] === value) !== inside) {
        counts.push(0);
        inside = !inside;
      }
      counts[counts.length - 1]++;
    }
  }
  return { box: [top, left, bottom, right], counts };
}

// Write `value` where `runs` are inside and there is no mass yet: none takes a pixel of another.
export function fillRuns({ labels, columns }: Canvas, { box, counts }: Runs, value: number): void {
  if (!box) return;
  const [top, left, , right] = box;
  let at = 0;
  counts.forEach((count, index) => {
    for (let i = at; index % 2 && i < at + count; i++) {
      const pixel = (top + Math.floor(i / (right - left))) * columns + left + (i % (right - left));
      if (labels[pixel] === 0) labels[pixel] = value;
    }
    at += count;
  });
}

// The whole label map as pairs of value and length.
export function pack(labels: Uint8Array): number[] {
  const pairs: number[] = [];
  let start = 0;
  for (let i = 1; i <= labels.length; i++) {
    if (i === labels.length || labels[i] !== labels[start]) {
      pairs.push(labels[start], i - start);
      start = i;
    }
  }
  return pairs;
}

// The reverse, into `labels`.
export function unpack(pairs: readonly number[], labels: Uint8Array): void {
  let at = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    labels.fill(pairs[i], at, at + pairs[i + 1]);
    at += pairs[i + 1];
  }
}
