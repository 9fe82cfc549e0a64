// The routes of the label server that this page asks; see monailabel_app/lib/server/routes/annotate.py.
import type { Runs } from "./runs";
import type { Prompts } from "./work";

export interface Model {
  name: string;
  warning: string;
}

export interface Start {
  reader: string;
  models: Model[];
  prompted: Model | null; // the one that clicks and boxes ask
  strategies: string[];
  total: number;
  labelled: number;
}

export interface View {
  image: string;
  side: string | null;
  view: string | null;
}

export interface Picture {
  image: string;
  rows: number;
  columns: number;
  spacing: [number, number] | null;
  side: string | null;
  view: string | null;
  mirrored: boolean;
  beside: View[];
  grey: Uint16Array;
}

export interface Outline {
  mask: Runs;
  assessment: string;
}

export interface Opened {
  held_by: string;
  drawn: { label: string; masses: Outline[] } | null;
}

export interface Case {
  image: string;
  labelled: boolean;
  held_by: string;
}

// What the server refuses, in its own words; `status` is 0 where it does not answer.
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

const API = "/annotate/api/";

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const answer = await fetch(API + path, init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(0, "E_AWAY", "The server does not answer. Your work is kept here; try again.");
  });
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => ({}));
  if (answer.status === 401) goToLogin();
  const detail = typeof said.detail === "string" ? said.detail : "the server does not take this.";
  throw new Refusal(answer.status, String(said.code), detail);
}

const BEFORE_LOGIN = "mammoseg case before login";

// The login forgets what stands behind # in the address.
function goToLogin(): void {
  sessionStorage.setItem(BEFORE_LOGIN, location.hash.slice(1));
  location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
}

// The case that was open when the login ended, once; "" where there was none.
export function caseBeforeLogin(): string {
  const image = sessionStorage.getItem(BEFORE_LOGIN) ?? "";
  sessionStorage.removeItem(BEFORE_LOGIN);
  return image;
}

async function post<T>(path: string, body: object, signal?: AbortSignal): Promise<T> {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method: "POST", headers, body: JSON.stringify(body), signal })).json();
}

export const start = async (): Promise<Start> => (await ask("start")).json();

export const cases = async (): Promise<Case[]> => (await ask("cases")).json();

// The next image by a strategy, or, without one, one that another reader has read.
export const next = async (strategy: string) =>
  (await post<{ image: string }>("next", strategy ? { strategy } : {})).image;

export const skip = (image: string, reason: string) => post<object>("skip", { image, reason });

export const withdraw = (label: string) => post<object>("withdraw", { label });

export interface Readings {
  readers: Record<string, number>;
  agreement: { readers: [string, string]; dice: number }[];
}

export const readings = async (image: string): Promise<Readings> =>
  (await ask(`readings?image=${encodeURIComponent(image)}`)).json();

export const open = (image: string) => post<Opened>("open", { image });

export const propose = async (image: string, model: string) =>
  (await post<{ masks: Runs[] }>("propose", { image, model })).masks;

export const save = (image: string, masses: Outline[], no_mass: boolean, strokes: number) =>
  post<{ label: string }>("save", { image, masses, no_mass, strokes });

// The mass that prompts speak of.
export async function segment(
  image: string,
  prompts: Prompts,
  mask: Runs,
  signal: AbortSignal,
): Promise<{ mask: Runs }> {
  const asked = { image, ...prompts, inside: [], outside: [], mask: mask.box && mask };
  return post<{ mask: Runs }>("segment", asked, signal).catch((error: unknown) => {
    const isMissing = error instanceof Refusal && (error.status === 404 || error.status === 405);
    throw isMissing ? new Refusal(404, "E_MODEL", "No model here takes clicks or boxes; draw with brush or polygon.") : error;
  });
}

export async function picture(image: string): Promise<Picture> {
  const answer = await ask(`image?image=${encodeURIComponent(image)}`);
  const facts = JSON.parse(answer.headers.get("X-Mammoseg-Image") ?? "{}");
  return { image, ...facts, grey: new Uint16Array(await answer.arrayBuffer()) };
}
