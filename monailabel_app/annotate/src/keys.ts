// Every key, what it does, and the line that says so.

export type Tool = "click" | "box" | "brush" | "eraser" | "polygon" | "window" | "pan" | "zoom";

export type Action =
  | `tool ${Tool}`
  | "apply"
  | "apply out"
  | "pen"
  | "cancel"
  | "up"
  | "down"
  | "left"
  | "right"
  | "up a pixel"
  | "down a pixel"
  | "left a pixel"
  | "right a pixel"
  | "zoom in"
  | "zoom out"
  | "reset"
  | "invert"
  | "darker"
  | "brighter"
  | "more contrast"
  | "less contrast"
  | "smaller brush"
  | "larger brush"
  | "undo"
  | "redo"
  | "add"
  | "remove"
  | "no mass"
  | "assess"
  | `mass ${number}`
  | "beside"
  | "save"
  | "next"
  | "skip"
  | "withdraw"
  | "list"
  | "help";

interface Binding {
  key: string; // as KeyboardEvent.key has it, with "Ctrl+" or "Shift+" before it
  action: Action;
  help: string; // empty where another line speaks for it
}

export const BINDINGS: readonly Binding[] = [
  { key: "c", action: "tool click", help: "click: into the mass, with Shift beside it" },
  { key: "x", action: "tool box", help: "box around the mass" },
  { key: "b", action: "tool brush", help: "brush" },
  { key: "e", action: "tool eraser", help: "eraser" },
  { key: "p", action: "tool polygon", help: "polygon" },
  { key: "w", action: "tool window", help: "window and level, by dragging" },
  { key: "h", action: "tool pan", help: "move the image, by dragging" },
  { key: "z", action: "tool zoom", help: "zoom, by dragging" },
  { key: "ArrowUp", action: "up", help: "arrows: move the cross; with Shift by one pixel" },
  { key: "ArrowDown", action: "down", help: "" },
  { key: "ArrowLeft", action: "left", help: "" },
  { key: "ArrowRight", action: "right", help: "" },
  { key: "Shift+ArrowUp", action: "up a pixel", help: "" },
  { key: "Shift+ArrowDown", action: "down a pixel", help: "" },
  { key: "Shift+ArrowLeft", action: "left a pixel", help: "" },
  { key: "Shift+ArrowRight", action: "right a pixel", help: "" },
  { key: "Enter", action: "apply", help: "the tool at the cross: click, corner of a box or polygon, dab of the brush" },
  { key: "Shift+Enter", action: "apply out", help: "click beside the mass at the cross" },
  { key: " ", action: "pen", help: "brush down or up, to draw with the arrows; close the polygon" },
  { key: "Escape", action: "cancel", help: "drop the box or polygon that is begun" },
  { key: "+", action: "zoom in", help: "zoom in at the cross" },
  { key: "=", action: "zoom in", help: "" },
  { key: "-", action: "zoom out", help: "zoom out" },
  { key: "0", action: "reset", help: "view as at first" },
  { key: "i", action: "invert", help: "invert" },
  { key: "[", action: "darker", help: "darker" },
  { key: "]", action: "brighter", help: "brighter" },
  { key: "{", action: "less contrast", help: "less contrast" },
  { key: "}", action: "more contrast", help: "more contrast" },
  { key: ",", action: "smaller brush", help: "smaller brush" },
  { key: ".", action: "larger brush", help: "larger brush" },
  { key: "u", action: "undo", help: "undo, as Ctrl+Z" },
  { key: "Ctrl+z", action: "undo", help: "" },
  { key: "y", action: "redo", help: "redo, as Ctrl+Y" },
  { key: "Ctrl+y", action: "redo", help: "" },
  { key: "a", action: "add", help: "begin another mass" },
  ...Array.from({ length: 9 }, (_, index): Binding => {
    return { key: `${index + 1}`, action: `mass ${index}`, help: index ? "" : "1 to 9: choose a mass" };
  }),
  { key: "Delete", action: "remove", help: "remove the mass" },
  { key: "q", action: "assess", help: "assessment of the mass" },
  { key: "m", action: "no mass", help: "no mass here" },
  { key: "v", action: "beside", help: "next view beside it, or none" },
  { key: "s", action: "save", help: "save" },
  { key: "n", action: "next", help: "next case" },
  { key: "k", action: "skip", help: "skip, with a reason" },
  { key: "d", action: "withdraw", help: "withdraw your label" },
  { key: "l", action: "list", help: "list of cases" },
  { key: "?", action: "help", help: "all keys" },
];

const AT_THE_CROSS: readonly Action[] = ["apply", "apply out", "pen", "up", "down", "left", "right"];

const NAMES: Record<string, string> = { " ": "Space", ArrowUp: "Arrows" };

export const nameOf = (key: string) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key);

export interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

// What a key does; `onControl` is where the focus is on a button or a field, whose own keys are left to it.
export function actionOf(pressed: Pressed, onControl: "button" | "field" | null): Action | null {
  if (pressed.altKey) return null;
  const ctrl = pressed.ctrlKey || pressed.metaKey ? "Ctrl+" : "";
  const shift = pressed.shiftKey && pressed.key.length > 1 ? "Shift+" : "";
  const key = pressed.key.length === 1 ? pressed.key.toLowerCase() : pressed.key;
  const action = BINDINGS.find((binding) => binding.key === ctrl + shift + key)?.action ?? null;
  if (onControl === "field") return action === "cancel" ? action : null;
  return onControl === "button" && action && AT_THE_CROSS.includes(action) ? null : action;
}

export const HINTS: Record<Tool, string> = {
  click: "Click into the mass; Shift and click beside it.",
  box: "Drag a box around the mass.",
  brush: "Drag to draw.",
  eraser: "Drag to take away from the mass.",
  polygon: "Click corner after corner; on the first, or Space, closes it.",
  window: "Drag: right for more contrast, down for darker.",
  pan: "Drag to move the image.",
  zoom: "Drag up and down to zoom.",
};
