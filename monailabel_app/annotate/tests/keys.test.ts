import { expect, test } from "vitest";
import { BINDINGS, actionOf } from "../src/keys";

const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "altKey" | "shiftKey", boolean>> = {}) => ({
  ...{ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false },
  ...held,
});

test("every key does one thing", () => {
  const keys = BINDINGS.map(({ key }) => key);
  expect(new Set(keys).size).toBe(keys.length);
});

test("a key that the browser needs is left to it", () => {
  expect(actionOf(press("s", { ctrlKey: true }), null)).toBe(null);
  expect(actionOf(press("Tab"), null)).toBe(null);
  expect(actionOf(press("Enter"), "button")).toBe(null);
  expect(actionOf(press("4"), "field")).toBe(null);
  expect(actionOf(press("Escape"), "field")).toBe("cancel");
});

test("shift tells a click beside the mass and a step of one pixel, and types a question mark", () => {
  expect(actionOf(press("Enter", { shiftKey: true }), null)).toBe("apply out");
  expect(actionOf(press("ArrowUp", { shiftKey: true }), null)).toBe("up a pixel");
  expect(actionOf(press("?", { shiftKey: true }), null)).toBe("help");
  expect(actionOf(press("z", { ctrlKey: true }), "button")).toBe("undo");
});
