// Marks above the mammogram: clicks, box, polygon, cross, brush, and the number of each mass.
import type { Box, Point } from "./paint";
import { areaOf, outlineOf } from "./outline";
import { runsOf } from "./runs";
import { colourOf, type Screen } from "./screen";
import type { Work } from "./work";

export interface Marks {
  cross: Point | null;
  corners: readonly Point[]; // of a polygon that is begun
  box: Box | null; // that is begun
  radius: number; // of the brush, in pixels of the image; 0 where another tool is held
}

const SVG = "http://www.w3.org/2000/svg";

export interface Outlined {
  area: string; // paths, in pixels of the image
  border: string;
  foot: Point; // where the number stands
}

// Outlines of all masses that have pixels, by their place in the list.
export function outline(work: Work): Map<number, Outlined> {
  const found = new Map<number, Outlined>();
  work.masses.forEach((_, index) => {
    const runs = runsOf(work.canvas, index + 1);
    if (!runs.box) return;
    const [, left, bottom, right] = runs.box;
    const border = outlineOf(work.canvas, runs, index + 1);
    found.set(index, { area: areaOf(runs), border, foot: [bottom, (left + right) / 2] });
  });
  return found;
}

export function drawMarks(
  svg: SVGSVGElement,
  screen: Screen,
  work: Work,
  outlines: Map<number, Outlined>,
  marks: Marks,
): void {
  const parts: SVGElement[] = [];
  const [[x0, y0], [x1, y1]] = [screen.toScreen([0, 0]), screen.toScreen([1, 1])];
  outlines.forEach(({ area, border, foot }, index) => {
    const transform = `matrix(${x1 - x0} 0 0 ${y1 - y0} ${x0} ${y0})`;
    parts.push(element("path", { d: area, transform, class: "area", fill: colourOf(index) }));
    parts.push(element("path", { d: border, transform, class: "border", stroke: colourOf(index) }));
    if (work.masses.length > 1) parts.push(number(screen.toScreen(foot), index));
  });
  const mass = work.masses[work.current];
  if (mass) {
    mass.prompts.foreground.forEach((point) => parts.push(...sign(screen.toScreen(point), true)));
    mass.prompts.background.forEach((point) => parts.push(...sign(screen.toScreen(point), false)));
    if (mass.prompts.box) parts.push(frame(screen, mass.prompts.box));
  }
  if (marks.box) parts.push(frame(screen, marks.box));
  if (marks.corners.length) {
    const points = marks.corners.map((corner) => screen.toScreen(corner).join(",")).join(" ");
    parts.push(element("polyline", { points, class: "begun" }));
    const [cx, cy] = screen.toScreen(marks.corners[0]);
    parts.push(element("circle", { cx, cy, r: 5, class: "begun" }));
  }
  if (marks.cross) {
    const [x, y] = screen.toScreen(marks.cross);
    const d = `M${x - 14} ${y}h10m8 0h10M${x} ${y - 14}v10m0 8v10`;
    parts.push(element("path", { d, class: "shade" }), element("path", { d, class: "cross" }));
    if (marks.radius) parts.push(element("circle", { cx: x, cy: y, r: marks.radius * screen.scale, class: "begun" }));
  }
  svg.replaceChildren(...parts);
}

// A click: a plus inside, a minus outside, so that colour is not all that tells them apart.
function sign([x, y]: [number, number], inside: boolean): SVGElement[] {
  const d = inside ? `M${x - 3} ${y}h6M${x} ${y - 3}v6` : `M${x - 3} ${y}h6`;
  return [
    element("circle", { cx: x, cy: y, r: 5, class: inside ? "in" : "out" }),
    element("path", { d, class: inside ? "plus" : "minus" }),
  ];
}

function frame(screen: Screen, [top, left, bottom, right]: Box): SVGElement {
  const [x0, y0] = screen.toScreen([top - 0.5, left - 0.5]);
  const [x1, y1] = screen.toScreen([bottom - 0.5, right - 0.5]);
  const place = { x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
  return element("rect", { ...place, class: "begun" });
}

function number([x, y]: [number, number], index: number): SVGElement {
  const text = element("text", { x, y: y + 16, class: "number" });
  text.textContent = `${index + 1}`;
  return text;
}

function element(name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, `${value}`));
  return made;
}
