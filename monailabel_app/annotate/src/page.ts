// The page: one case after the other, from the server's proposal to what a reader saves.
import { dropDraft, hasDraft, keepDraft, readDraft } from "./draft";
import { BINDINGS, HINTS, actionOf, nameOf, type Action, type Tool } from "./keys";
import { drawMarks, outline, type Outlined } from "./overlay";
import type { Box, Point } from "./paint";
import { Pencil } from "./pencil";
import { fillRuns, runsOf } from "./runs";
import { Screen, colourOf, hold, prepare, type Hand } from "./screen";
import * as server from "./server";
import { warningOf } from "./warning";
import { Work, noPrompts } from "./work";

const KEEP_SECONDS = 300; // between two words to the server that the case is still in hand
const EDGE = 12; // pixels of the screen that the cross keeps from its edge
const STEP = 10; // pixels of the screen that an arrow moves the cross
const HANDS: readonly string[] = ["window", "pan", "zoom"] satisfies Hand[];
const ASSESSMENTS = ["", "2", "3", "4A", "4B", "4C", "5", "6"];
const TOOLS: Record<Tool, string> = {
  click: "Click",
  box: "Box",
  brush: "Brush",
  eraser: "Eraser",
  polygon: "Polygon",
  window: "Window",
  pan: "Pan",
  zoom: "Zoom",
};
const VIEW_BUTTONS: [string, Action][] = [
  ["Zoom in", "zoom in"],
  ["Zoom out", "zoom out"],
  ["Invert", "invert"],
  ["Beside", "beside"],
  ["Reset", "reset"],
  ["All keys", "help"],
];

const $ = <T extends Element = HTMLElement>(id: string) => document.getElementById(id) as unknown as T;

let begun: server.Start;
let work: Work | null = null;
let heldBy = ""; // who has the case in place of the reader
let besideIndex = 1; // which of the other views is shown, from 1; 0 for none
let asking: AbortController | null = null; // the model, about prompts
let unlock = () => {}; // of the case, for other tabs
let opening = 0;
let isProposal = false; // whether what is shown is the model's, but for what was done since
let ownLabel = ""; // id of the reader's label of the case, "" where there is none
let outlines = new Map<number, Outlined>();

prepare();
const stage = $<HTMLDivElement>("stage");
const marks = $<SVGSVGElement>("marks");
const screen = new Screen("main", $<HTMLDivElement>("screen"), () => {
  if (besideScreen?.picture) besideScreen.follow(screen);
  redraw();
});
let besideScreen: Screen | null = null;
const pencil = new Pencil(
  {
    begin: () => (work && !heldBy ? (settle(), work) : null),
    prompt: (part) => void askModel(part),
    done: () => byHand(),
    redraw,
  },
  () => screen.scale,
);

let works = 0; // at once; a lease may be prolonged while a label is saved

function busy(more: 1 | -1): void {
  works += more;
  document.body.dataset.state = works ? "busy" : "ready";
}

function say(text: string, isTrouble = false): void {
  $("status").textContent = text;
  $("status").classList.toggle("trouble", isTrouble);
}

async function trying(work: () => Promise<void>): Promise<void> {
  busy(1);
  try {
    await work();
  } catch (error) {
    say(error instanceof Error ? error.message : `${error}`, true);
  } finally {
    busy(-1);
  }
}

function redraw(): void {
  if (!work || !screen.picture) return;
  const radius = pencil.tool === "brush" || pencil.tool === "eraser" ? pencil.radius : 0;
  drawMarks(marks, screen, work, outlines, { cross: pencil.cross, corners: pencil.corners, box: pencil.box, radius });
  stage.dataset.corners = JSON.stringify([screen.toScreen([0, 0]), screen.toScreen([1, 1])]); // for who drives the page
  if (pencil.cross) {
    const [row, column] = pencil.cross.map(Math.round);
    $("place").textContent = `row ${row}, column ${column}`;
  }
}

// Show what the work is now, in image and lists.
function refresh(): void {
  if (!work) return;
  outlines = outline(work);
  listMasses(work);
  $<HTMLInputElement>("no-mass").checked = work.noMass;
  redraw();
}

function listMasses(work: Work): void {
  const rows = work.masses.map((mass, index) => {
    const choose = button(`Mass ${index + 1}`, `mass ${index}`);
    choose.setAttribute("aria-pressed", `${index === work.current}`);
    const swatch = document.createElement("span");
    swatch.textContent = "\u25a0 ";
    swatch.style.color = colourOf(index);
    choose.prepend(swatch);
    const assessment = document.createElement("select");
    assessment.setAttribute("aria-label", `BI-RADS of mass ${index + 1}`);
    assessment.append(...ASSESSMENTS.map((value) => new Option(value || "-", value, false, value === mass.assessment)));
    assessment.onchange = () => {
      work.current = index;
      work.change({ assessment: assessment.value });
      work.commit();
    };
    const remove = document.createElement("button");
    remove.textContent = "\u2715";
    remove.setAttribute("aria-label", `Remove mass ${index + 1}`);
    remove.onclick = () => removeMass(index);
    const row = document.createElement("li");
    row.append(choose, assessment, remove);
    return row;
  });
  $("masses").replaceChildren(...rows);
}

function button(text: string, action: Action, key = ""): HTMLButtonElement {
  const made = document.createElement("button");
  made.append(text);
  if (key) made.append(" ", Object.assign(document.createElement("kbd"), { textContent: nameOf(key) }));
  made.onclick = () => act(action);
  return made;
}

// Drop an answer that is awaited: what the reader does now counts.
function settle(): void {
  if (!asking) return;
  asking.abort();
  asking = null;
  work?.rollBack();
}

async function askModel(part: { click: Point; inside: boolean } | { box: Box }): Promise<void> {
  if (!work || heldBy) return;
  const asked = work;
  asking?.abort();
  const mine = (asking = new AbortController());
  const { prompts } = asked.mass();
  asked.noMass = false;
  if ("box" in part) asked.change({ prompts: { ...prompts, box: part.box } });
  else {
    const which = part.inside ? "foreground" : "background";
    asked.change({ prompts: { ...prompts, [which]: [...prompts[which], part.click] } });
  }
  refresh();
  await trying(async () => {
    try {
      const soFar = runsOf(asked.canvas, asked.value);
      const found = await server.segment(screen.picture!.image, asked.mass().prompts, soFar, mine.signal);
      if (asking !== mine) return;
      asking = null;
      asked.outline(found.mask);
      asked.commit();
    } catch (error) {
      if (asking !== mine) return;
      asking = null;
      asked.rollBack();
      refresh();
      throw error;
    }
  });
}

function removeMass(index: number): void {
  if (!work || heldBy || index >= work.masses.length) return;
  settle();
  work.remove(index);
  byHand();
}

// A step that no model had a part in.
function byHand(): void {
  if (!work) return;
  work.strokes++;
  work.commit();
}

function changed(now: Work): void {
  const { image, rows, columns } = screen.picture!;
  try {
    keepDraft(localStorage, begun.reader, image, { ...now.snapshot(), rows, columns, strokes: now.strokes });
    say("Not saved yet; kept in this browser.");
  } catch {
    say("This browser keeps no more drafts; save now.", true);
  }
  refresh();
}

// Have the case in this tab; false where another tab has it.
function lock(image: string): Promise<boolean> {
  unlock();
  unlock = () => {};
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const name = `mammoseg ${begun.reader} ${image}`;
    void navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise<void>((done) => (unlock = done)) : undefined;
    });
  });
}

async function openCase(image: string): Promise<void> {
  const turn = ++opening;
  settle();
  pencil.cancel();
  const current = screen.picture?.image === image;
  const opened = await server.open(image);
  const isMine = current || (await lock(image));
  say("Fetching the mammogram ...");
  const picture = await server.picture(image);
  if (turn !== opening) return;
  work = null;
  outlines.clear();
  await screen.show(picture);
  const { rows, columns } = picture;
  work = new Work({ rows, columns, labels: new Uint8Array(rows * columns) }, changed);
  pencil.cross = [Math.round(rows / 2), Math.round(columns / 2)];
  heldBy = isMine ? opened.held_by : "Another tab";
  location.hash = encodeURIComponent(image);
  $("case").textContent = `${image}, ${begun.labelled} of ${begun.total} labelled`;
  $("label-main").textContent = nameOfView(picture);
  document.body.classList.toggle("held", heldBy !== "");
  besideIndex = Math.min(besideIndex, 1);
  void trying(showBeside);
  refresh();
  await tellReadings(opened.drawn?.label ?? "");
  if (heldBy) say(`${heldBy} has this case; you can look, not draw.`, true);
  else await fillIn(opened, work);
}

// The reader's own draft, else his label, else what the model proposes.
async function fillIn(opened: server.Opened, now: Work): Promise<void> {
  const { image, rows, columns } = screen.picture!;
  isProposal = false;
  const draft = readDraft(localStorage, begun.reader, image, rows, columns);
  if (draft) {
    now.restore(draft);
    now.strokes = draft.strokes ?? 0;
    say("Your unsaved work is here again.");
  } else if (opened.drawn) {
    fill(now, opened.drawn.masses);
    now.noMass = !opened.drawn.masses.length;
    now.restore(now.snapshot());
    say("You saved this label; saving again replaces it.");
  } else {
    await proposeMasses(now);
  }
  refresh();
}

async function proposeMasses(now: Work): Promise<void> {
  const model = $<HTMLSelectElement>("model").value;
  if (!model) return say("There is no model with weights; draw by hand.");
  say("Asking the model ...");
  const masks = await server.propose(screen.picture!.image, model);
  if (now !== work || now.isChanged) return;
  fill(
    now,
    masks.map((mask) => ({ mask, assessment: "" })),
  );
  now.restore(now.snapshot());
  isProposal = true;
  refresh();
  say(masks.length ? "A proposal of the model; correct it, then save." : "The model finds no mass.");
}

function fill(now: Work, masses: server.Outline[]): void {
  now.canvas.labels.fill(0);
  now.current = 0;
  now.masses = masses.map(({ assessment }) => ({ assessment, prompts: noPrompts() }));
  masses.forEach(({ mask }, index) => fillRuns(now.canvas, mask, index + 1));
}

const nameOfView = ({ side, view }: { side: string | null; view: string | null }) =>
  [side, view].filter(Boolean).join(" ") || "side and view unknown";

// Another view beside: right breasts hang on the left, CC before MLO.
async function showBeside(): Promise<void> {
  const picture = screen.picture!;
  const other = picture.beside[besideIndex - 1];
  const section = $("beside-view");
  if (section.hidden !== !other) {
    section.hidden = !other;
    screen.resize();
  }
  if (other) {
    besideScreen ??= new Screen("beside", $<HTMLDivElement>("beside"), () => besideScreen?.picture && screen.follow(besideScreen));
    const shown = await server.picture(other.image);
    if (picture !== screen.picture) return;
    await besideScreen.show(shown, screen);
    $("label-beside").textContent = nameOfView(other);
    section.style.order = hangsBefore(other, picture) ? "-1" : "1";
  }
}

const hangsBefore = (a: server.View, b: server.View) =>
  a.side === b.side ? a.view === "CC" && b.view !== "CC" : a.side === "R";

async function nextCase(): Promise<void> {
  const image = await server.next($<HTMLSelectElement>("strategy").value);
  if (image) await openCase(image);
  else say("There is no such case left.");
}

async function save(): Promise<void> {
  if (!work || heldBy) return;
  settle();
  const { image } = screen.picture!;
  const saved = work;
  const { label } = await server.save(image, saved.drawn(), saved.noMass, saved.strokes);
  saved.strokes = 0;
  dropDraft(localStorage, begun.reader, image);
  begun = await server.start();
  await tellReadings(label);
  $("case").textContent = `${image}, ${begun.labelled} of ${begun.total} labelled`;
  say("Saved. N brings the next case.");
}

// Who has read the case: only once the reader has, for a second one must not see the first.
async function tellReadings(label: string): Promise<void> {
  ownLabel = label;
  $<HTMLButtonElement>("withdraw").disabled = !label;
  const lines: string[] = [];
  if (label) {
    const { readers, agreement } = await server.readings(screen.picture!.image);
    const count = (masses: number) => (masses === 1 ? "1 mass" : `${masses || "no"} masses`);
    Object.entries(readers).forEach(([reader, masses]) => lines.push(`${reader}: ${count(masses)}`));
    agreement.forEach(({ readers: [a, b], dice }) => lines.push(`${a} and ${b}: Dice ${dice.toFixed(2)}`));
  }
  $("readings").replaceChildren(...lines.map((textContent) => Object.assign(document.createElement("li"), { textContent })));
}

async function withdraw(): Promise<void> {
  if (!ownLabel || heldBy) return;
  await server.withdraw(ownLabel);
  begun = await server.start();
  const { drawn } = await server.open(screen.picture!.image);
  await tellReadings(drawn?.label ?? "");
  say(drawn ? "Withdrawn; your label before it counts again." : "Withdrawn; the case has no label of yours.");
}

function askReason(): void {
  if (!screen.picture || heldBy) return;
  $<HTMLFormElement>("skip-form").reset();
  $<HTMLDialogElement>("skipping").showModal();
}

async function skip(reason: string): Promise<void> {
  await server.skip(screen.picture!.image, reason);
  dropDraft(localStorage, begun.reader, screen.picture!.image);
  say("Skipped.");
  await nextCase();
}

async function listCases(): Promise<void> {
  const rows = (await server.cases()).map(({ image, labelled, held_by }) => {
    const open = document.createElement("button");
    const by = held_by && held_by !== begun.reader ? `, ${held_by} has it` : "";
    const unsaved = hasDraft(localStorage, begun.reader, image) ? ", unsaved work of yours" : "";
    open.textContent = `${image}: ${labelled ? "labelled" : "no label"}${by}${unsaved}`;
    open.onclick = () => {
      $<HTMLDialogElement>("cases").close();
      void trying(() => openCase(image));
    };
    const row = document.createElement("li");
    row.append(open);
    return row;
  });
  $("case-list").replaceChildren(...rows);
  $<HTMLDialogElement>("cases").showModal();
}

function takeTool(tool: Tool): void {
  pencil.take(tool);
  const hand = HANDS.includes(tool) ? (tool as Hand) : null;
  hold(hand);
  stage.classList.toggle("through", hand !== null);
  document.querySelectorAll<HTMLElement>("#tools button").forEach((one) => {
    one.setAttribute("aria-pressed", `${one.dataset.tool === tool}`);
  });
  $("hint").textContent = HINTS[tool];
  stage.focus();
}

function setBrush(radius: number): void {
  pencil.radius = Math.min(200, Math.max(1, Math.round(radius)));
  $<HTMLInputElement>("brush").value = `${pencil.radius}`;
  $("brush-size").textContent = `${pencil.radius} px`;
  redraw();
}

function moveCross(down: number, right: number, byPixel: boolean): void {
  if (!work || !pencil.cross || !screen.picture) return;
  const step = byPixel ? 1 : Math.max(1, STEP / screen.scale);
  const across = screen.picture.mirrored ? -right : right;
  const [row, column] = [pencil.cross[0] + down * step, pencil.cross[1] + across * step];
  const { rows, columns } = work.canvas;
  pencil.move([Math.min(rows - 1, Math.max(0, row)), Math.min(columns - 1, Math.max(0, column))]);
  const [x, y] = screen.toScreen(pencil.cross);
  const [moveRight, moveDown] = [intoView(x, stage.clientWidth), intoView(y, stage.clientHeight)];
  if (moveRight || moveDown) screen.pan(moveRight, moveDown); // which is how keys move the image
  refresh();
}

// How far a place must move to be seen on a screen of this many pixels.
const intoView = (at: number, size: number) => Math.max(0, EDGE - at) + Math.min(0, size - EDGE - at);

const edit = (change: (work: Work) => void) => {
  if (!work || heldBy) return;
  settle();
  change(work);
  work.commit();
};

const atCross = () => (pencil.cross ? screen.toScreen(pencil.cross) : undefined);

const ACTIONS: Partial<Record<Action, () => void>> = {
  apply: () => pencil.apply(false),
  "apply out": () => pencil.apply(true),
  pen: () => pencil.togglePen(),
  cancel: () => pencil.cancel(),
  up: () => moveCross(-1, 0, false),
  down: () => moveCross(1, 0, false),
  left: () => moveCross(0, -1, false),
  right: () => moveCross(0, 1, false),
  "up a pixel": () => moveCross(-1, 0, true),
  "down a pixel": () => moveCross(1, 0, true),
  "left a pixel": () => moveCross(0, -1, true),
  "right a pixel": () => moveCross(0, 1, true),
  "zoom in": () => screen.zoom(1.25, atCross()),
  "zoom out": () => screen.zoom(0.8, atCross()),
  reset: () => [screen, besideScreen].forEach((one) => one?.picture && one.reset()),
  invert: () => screen.picture && screen.invert(),
  darker: () => screen.adjust(0.02, 1),
  brighter: () => screen.adjust(-0.02, 1),
  "more contrast": () => screen.adjust(0, 0.9),
  "less contrast": () => screen.adjust(0, 1 / 0.9),
  "smaller brush": () => setBrush(pencil.radius / 1.25 - 0.5),
  "larger brush": () => setBrush(pencil.radius * 1.25 + 0.5),
  undo: () => (settle(), heldBy || work?.undo()),
  redo: () => (settle(), heldBy || work?.redo()),
  add: () => edit((work) => work.add()),
  remove: () => work && removeMass(work.current),
  "no mass": () => edit((work) => work.sayNoMass(!work.noMass)),
  assess: () => document.querySelectorAll<HTMLSelectElement>("#masses select")[work?.current ?? 0]?.focus(),
  beside: () => {
    if (!screen.picture) return;
    besideIndex = (besideIndex + 1) % (screen.picture.beside.length + 1);
    if (!screen.picture.beside.length) say("There is no other view of this breast here.");
    void trying(showBeside);
  },
  save: () => void trying(save),
  skip: askReason,
  withdraw: () => void trying(withdraw),
  next: () => void trying(nextCase),
  list: () => void trying(listCases),
  help: () => $<HTMLDialogElement>("help").showModal(),
};

function act(action: Action): void {
  const [what, which] = [action.slice(0, 5), action.slice(5)];
  if (what === "tool ") takeTool(which as Tool);
  else if (what === "mass " && work && Number(which) < work.masses.length) {
    settle();
    work.current = Number(which);
    refresh();
  } else ACTIONS[action]?.();
}

function listen(): void {
  const place = (event: PointerEvent | WheelEvent): [number, number] => {
    const { left, top } = stage.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  };
  stage.onpointerdown = (event) => {
    if (event.button !== 0 || !work) return;
    stage.setPointerCapture(event.pointerId);
    pencil.press(screen.toImage(place(event)));
    refreshMask();
  };
  stage.onpointermove = (event) => {
    if (!work || !pencil.isFree) return;
    pencil.move(screen.toImage(place(event)));
    if (event.buttons) refreshMask();
  };
  stage.onpointerup = (event) => {
    if (event.button === 0 && work) pencil.release(screen.toImage(place(event)), event.shiftKey);
  };
  $("screens").addEventListener("wheel", (event) => screen.picture && screen.zoom(event.deltaY < 0 ? 1.15 : 0.87, place(event)), {
    passive: true,
  });
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    const focus = document.activeElement;
    const isField = focus?.matches("select, input");
    const action = actionOf(event, isField ? "field" : focus?.matches("button, a") ? "button" : null);
    if (action === "cancel" && isField) stage.focus();
    if (!action) return;
    event.preventDefault();
    act(action);
  });
  $<HTMLInputElement>("brush").oninput = (event) => setBrush(Number((event.target as HTMLInputElement).value));
  $<HTMLInputElement>("no-mass").onchange = () => act("no mass");
  $<HTMLFormElement>("skip-form").onsubmit = ({ submitter }) => {
    if ((submitter as HTMLButtonElement).value) void trying(() => skip($<HTMLInputElement>("reason").value));
  };
  for (const id of ["next", "list", "add", "undo", "redo", "save", "skip", "withdraw"] as const) $(id).onclick = () => act(id);
  $("model").onchange = () => {
    warn();
    if (work && !heldBy && isProposal && !work.isChanged) void trying(() => proposeMasses(work!));
  };
  window.addEventListener("online", () => screen.picture && void trying(keepCase));
  setInterval(() => screen.picture && !heldBy && void trying(keepCase), 1000 * KEEP_SECONDS);
}

// Tell the server that the case is still in hand, and hear whether it still is.
async function keepCase(): Promise<void> {
  const { held_by } = await server.open(screen.picture!.image);
  if (held_by) {
    heldBy = held_by;
    say(`${held_by} has this case now; your work is kept in this browser.`, true);
  }
}

// Show a stroke while it is drawn.
function refreshMask(): void {
  if (work) outlines = outline(work);
  redraw();
}

// What must be said of the chosen model and of the one that takes clicks.
function warn(): void {
  const model = begun.models.find(({ name }) => name === $<HTMLSelectElement>("model").value);
  $("warning").textContent = warningOf([model, begun.prompted]);
}

async function begin(): Promise<void> {
  begun = await server.start();
  $("model").replaceChildren(...begun.models.map(({ name }) => new Option(name)));
  warn();
  const strategies = begun.strategies.map((name) => new Option(name));
  $("strategy").replaceChildren(...strategies, new Option("second reading", ""));
  const asked = decodeURIComponent(server.caseBeforeLogin() || location.hash.slice(1));
  if (asked) await openCase(asked);
  else say(`${begun.labelled} of ${begun.total} labelled. N brings the next case.`);
}

for (const [tool, text] of Object.entries(TOOLS)) {
  const binding = BINDINGS.find(({ action }) => action === `tool ${tool}`)!;
  const made = button(text, binding.action, binding.key);
  made.dataset.tool = tool;
  $("tools").append(made);
}
for (const [text, action] of VIEW_BUTTONS) {
  $("view").append(button(text, action, BINDINGS.find((binding) => binding.action === action)!.key));
}
for (const { key, help } of BINDINGS.filter(({ help }) => help)) {
  const row = document.createElement("div");
  row.append(Object.assign(document.createElement("dt"), { textContent: nameOf(key) }));
  row.append(Object.assign(document.createElement("dd"), { textContent: help }));
  $("keys").append(row);
}
listen();
setBrush(pencil.radius);
takeTool("click");
void trying(begin);
