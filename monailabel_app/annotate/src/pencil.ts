// The tool in the hand: what a press, a drag and a key at the cross do to the work.
import type { Tool } from "./keys";
import { paintPolygon, paintStroke, type Box, type Point } from "./paint";
import type { Work } from "./work";

export interface Host {
  begin(): Work | null; // the work, where it may be changed
  prompt(part: { click: Point; inside: boolean } | { box: Box }): void; // ask the model
  done(): void; // a step is complete
  redraw(): void;
}

const LEAST_BOX = 3; // pixels a side; less is a slip of the hand
const NEAR = 8; // pixels of the screen within which a corner is met

export class Pencil {
  tool: Tool = "click";
  radius = 12; // of the brush, in pixels of the image
  cross: Point | null = null;
  corners: Point[] = [];
  box: Box | null = null;
  private last: Point | null = null; // where the brush is down
  private corner: Point | null = null; // where a box begins
  private byKey = false; // whether a key holds the brush down

  constructor(
    private readonly host: Host,
    private readonly scale: () => number, // pixels of the screen to one of the image
  ) {}

  take(tool: Tool): void {
    this.cancel();
    this.tool = tool;
    this.host.redraw();
  }

  cancel(): void {
    if (this.last) this.lift();
    this.corners = [];
    this.box = this.corner = null;
    this.host.redraw();
  }

  press(point: Point): void {
    this.cross = point;
    if (this.tool === "brush" || this.tool === "eraser") this.dab(point);
    if (this.tool === "box") this.corner = point;
    this.host.redraw();
  }

  move(point: Point): void {
    this.cross = point;
    if (this.last) this.dab(point);
    if (this.corner) this.box = boxOf(this.corner, point, this.host.begin());
    this.host.redraw();
  }

  release(point: Point, out: boolean): void {
    this.cross = point;
    if (this.tool === "click") this.host.prompt({ click: point, inside: !out });
    if (this.tool === "polygon") this.addCorner(point);
    if (this.tool === "box") this.endBox(point);
    this.lift();
    this.host.redraw();
  }

  // The tool, at the cross, by a key.
  apply(out: boolean): void {
    const point = this.cross;
    if (!point) return;
    if (this.tool === "box" && !this.corner) this.press(point);
    else if (this.tool === "brush" || this.tool === "eraser") {
      this.press(point);
      this.lift();
    } else this.release(point, out);
  }

  // Brush down or up, to be moved by keys; a polygon is closed.
  togglePen(): void {
    if (this.tool === "polygon") this.close();
    else if (this.last) this.lift();
    else if (this.cross && (this.tool === "brush" || this.tool === "eraser")) {
      this.byKey = true;
      this.press(this.cross);
    }
  }

  private dab(point: Point): void {
    const work = this.host.begin();
    if (!work || (this.tool === "eraser" && !work.masses.length)) return;
    work.mass();
    const ink = { value: work.value, erases: this.tool === "eraser" };
    work.noMass = false;
    paintStroke(work.canvas, this.last ?? point, point, this.radius, ink);
    this.last = point;
  }

  private lift(): void {
    if (this.last) this.host.done();
    this.last = null;
    this.byKey = false;
  }

  // Whether a drag of the mouse may move the brush: not while a key holds it.
  get isFree(): boolean {
    return !this.byKey;
  }

  private endBox(point: Point): void {
    const work = this.host.begin();
    const box = this.corner && boxOf(this.corner, point, work);
    this.box = this.corner = null;
    if (box && box[2] - box[0] >= LEAST_BOX && box[3] - box[1] >= LEAST_BOX) this.host.prompt({ box });
  }

  private addCorner(point: Point): void {
    const [first] = this.corners;
    const isClosed = first && Math.hypot(first[0] - point[0], first[1] - point[1]) * this.scale() < NEAR;
    if (isClosed && this.corners.length > 2) this.close();
    else this.corners = [...this.corners, point];
  }

  private close(): void {
    const work = this.host.begin();
    if (work && this.corners.length > 2) {
      work.mass();
      work.noMass = false;
      paintPolygon(work.canvas, this.corners, { value: work.value, erases: false });
      this.host.done();
    }
    this.cancel();
  }
}

function boxOf(from: Point, to: Point, work: Work | null): Box | null {
  if (!work) return null;
  const { rows, columns } = work.canvas;
  const [top, bottom] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])].map(Math.round);
  const [left, right] = [Math.min(from[1], to[1]), Math.max(from[1], to[1])].map(Math.round);
  return [Math.max(0, top), Math.max(0, left), Math.min(rows, bottom + 1), Math.min(columns, right + 1)];
}
