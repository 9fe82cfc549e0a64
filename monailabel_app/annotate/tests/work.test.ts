import { expect, test } from "vitest";
import { dropDraft, hasDraft, keepDraft, readDraft } from "../src/draft";
import { paintStroke } from "../src/paint";
import { MOST_STEPS, Work } from "../src/work";

const work = () => new Work({ rows: 1, columns: 6, labels: new Uint8Array(6) });

function dab(one: Work, column: number): void {
  one.mass();
  paintStroke(one.canvas, [0, column], [0, column], 0, { value: one.value, erases: false });
  one.commit();
}

test("undo and redo go through every step, and a new step ends what could be redone", () => {
  const one = work();
  dab(one, 0);
  dab(one, 2);
  one.undo();
  expect([...one.canvas.labels]).toEqual([1, 0, 0, 0, 0, 0]);
  one.redo();
  expect([...one.canvas.labels]).toEqual([1, 0, 1, 0, 0, 0]);
  one.undo();
  dab(one, 4);
  expect(one.redo()).toBe(false);
  expect([...one.canvas.labels]).toEqual([1, 0, 0, 0, 1, 0]);
});

test("nothing done is no step, and the oldest of too many steps is forgotten", () => {
  const one = work();
  one.commit();
  expect(one.undo()).toBe(false);
  for (let i = 0; i <= MOST_STEPS; i++) {
    one.change({ assessment: i % 2 ? "4A" : "5" });
    one.commit();
  }
  let steps = 0;
  while (one.undo()) steps++;
  expect(steps).toBe(MOST_STEPS);
});

test("the masses behind one that is removed move up, and undo brings it back", () => {
  const one = work();
  dab(one, 0);
  one.add();
  dab(one, 1);
  one.change({ assessment: "5" });
  one.commit();
  one.remove(0);
  one.commit();
  expect([...one.canvas.labels]).toEqual([0, 1, 0, 0, 0, 0]);
  expect(one.masses.map(({ assessment }) => assessment)).toEqual(["5"]);
  one.undo();
  expect([...one.canvas.labels]).toEqual([1, 2, 0, 0, 0, 0]);
});

test("no mass here removes all masses, and the next stroke takes it back", () => {
  const one = work();
  dab(one, 0);
  one.sayNoMass(true);
  one.commit();
  expect([one.drawn(), one.noMass]).toEqual([[], true]);
  one.undo();
  expect([one.drawn().length, one.noMass]).toEqual([1, false]);
});

test("an answer that fails leaves the work as it was", () => {
  const one = work();
  dab(one, 0);
  one.change({ prompts: { foreground: [[0, 3]], background: [], box: null } });
  one.rollBack();
  expect(one.mass().prompts.foreground).toEqual([]);
});

test("a draft comes back to its reader and image, and to no other or of another size", () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  } as unknown as Storage;
  const one = work();
  dab(one, 3);
  keepDraft(storage, "Ada", "1.2", { ...one.snapshot(), rows: 1, columns: 6 });
  const again = work();
  again.restore(readDraft(storage, "Ada", "1.2", 1, 6)!);
  expect([...again.canvas.labels]).toEqual([0, 0, 0, 1, 0, 0]);
  expect(readDraft(storage, "Grace", "1.2", 1, 6)).toBe(null);
  expect(readDraft(storage, "Ada", "1.2", 2, 3)).toBe(null);
  expect([hasDraft(storage, "Ada", "1.2"), hasDraft(storage, "Grace", "1.2")]).toEqual([true, false]);
  dropDraft(storage, "Ada", "1.2");
  expect(hasDraft(storage, "Ada", "1.2")).toBe(false);
  expect(readDraft(storage, "Ada", "1.2", 1, 6)).toBe(null);
});
