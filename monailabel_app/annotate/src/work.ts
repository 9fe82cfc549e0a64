// What a reader has outlined on one image: a label map, its masses, and every step back to the beginning.
import type { Box, Canvas, Point } from "./paint";
import { fillRuns, pack, runsOf, unpack, type Runs } from "./runs";

export interface Prompts {
  foreground: Point[];
  background: Point[];
  box: Box | null;
}

export interface Mass {
  assessment: string;
  prompts: Prompts;
}

// All that a step can change; a snapshot is never changed.
export interface Snapshot {
  pairs: number[];
  masses: Mass[];
  current: number;
  noMass: boolean;
}

export const MOST_STEPS = 200;

export const MOST_MASSES = 100; // of one label, as the server has it

export const noPrompts = (): Prompts => ({ foreground: [], background: [], box: null });

// Mass number i of `masses`, from 0, has the value i + 1 in `labels`; `current` is the one that is drawn.
export class Work {
  masses: Mass[] = [];
  current = 0;
  noMass = false;
  strokes = 0; // steps by hand since the last save, also those that were undone
  private past: Snapshot[] = [];
  private future: Snapshot[] = [];
  private now: Snapshot;

  constructor(
    readonly canvas: Canvas,
    readonly onChange: (work: Work) => void = () => {},
  ) {
    this.now = this.snapshot();
  }

  // Whether something was done that can be undone.
  get isChanged(): boolean {
    return this.past.length > 0;
  }

  get value(): number {
    return this.current + 1;
  }

  // Make a mass to draw, and make it the current one.
  add(): void {
    if (this.masses.length >= MOST_MASSES) throw new Error(`one label takes at most ${MOST_MASSES} masses`);
    this.masses = [...this.masses, { assessment: "", prompts: noPrompts() }];
    this.current = this.masses.length - 1;
    this.noMass = false;
  }

  // The current mass, which is made where there is none.
  mass(): Mass {
    if (!this.masses.length) this.add();
    return this.masses[this.current];
  }

  // Replace what is known of the current mass.
  change(part: Partial<Mass>): void {
    const mass = this.mass();
    this.masses = this.masses.map((one) => (one === mass ? { ...mass, ...part } : one));
  }

  // Replace the pixels of the current mass.
  outline(runs: Runs): void {
    this.mass();
    const { labels } = this.canvas;
    for (let i = 0; i < labels.length; i++) if (labels[i] === this.value) labels[i] = 0;
    fillRuns(this.canvas, runs, this.value);
  }

  // Remove a mass; those behind it move up.
  remove(index: number): void {
    const { labels } = this.canvas;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] === index + 1) labels[i] = 0;
      else if (labels[i] > index + 1) labels[i] -= 1;
    }
    this.masses = this.masses.filter((_, i) => i !== index);
    this.current = Math.max(0, Math.min(this.current, this.masses.length - 1));
  }

  // Say that there is no mass, or take it back.
  sayNoMass(is: boolean): void {
    this.noMass = is;
    if (!is) return;
    this.canvas.labels.fill(0);
    this.masses = [];
    this.current = 0;
  }

  // Keep what was done since the last step as one step.
  commit(): void {
    const next = this.snapshot();
    if (same(next, this.now)) return;
    this.past = [...this.past, this.now].slice(-MOST_STEPS);
    this.future = [];
    this.now = next;
    this.onChange(this);
  }

  // Drop what was done since the last step.
  rollBack(): void {
    this.take(this.now);
  }

  undo(): boolean {
    return this.go(this.past, this.future);
  }

  redo(): boolean {
    return this.go(this.future, this.past);
  }

  snapshot(): Snapshot {
    const { masses, current, noMass } = this;
    return { pairs: pack(this.canvas.labels), masses, current, noMass };
  }

  // Begin anew with what is in `snapshot`.
  restore(snapshot: Snapshot): void {
    this.take(snapshot);
    this.past = [];
    this.future = [];
    this.now = snapshot;
  }

  // Masses that have pixels, as the server takes them.
  drawn(): { mask: Runs; assessment: string }[] {
    const found = this.masses.map(({ assessment }, index) => ({ mask: runsOf(this.canvas, index + 1), assessment }));
    return found.filter(({ mask }) => mask.box);
  }

  private go(from: Snapshot[], to: Snapshot[]): boolean {
    const snapshot = from.pop();
    if (!snapshot) return false;
    to.push(this.now);
    this.take(snapshot);
    this.now = snapshot;
    this.onChange(this);
    return true;
  }

  private take(snapshot: Snapshot): void {
    unpack(snapshot.pairs, this.canvas.labels);
    this.masses = snapshot.masses;
    this.current = snapshot.current;
    this.noMass = snapshot.noMass;
  }
}

function same(a: Snapshot, b: Snapshot): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
