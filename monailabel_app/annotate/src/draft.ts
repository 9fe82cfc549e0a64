// Unsaved work in the browser's own storage, so that a reload or a lost connection loses nothing.
import type { Snapshot } from "./work";

export interface Draft extends Snapshot {
  rows: number;
  columns: number;
  strokes?: number; // by hand, which an earlier version did not count
}

const key = (reader: string, image: string) => `mammoseg draft ${JSON.stringify([reader, image])}`;

export function keepDraft(storage: Storage, reader: string, image: string, draft: Draft): void {
  storage.setItem(key(reader, image), JSON.stringify(draft));
}

// The draft of a reader on an image of this size; null where there is none that fits.
export function readDraft(storage: Storage, reader: string, image: string, rows: number, columns: number): Draft | null {
  try {
    const draft: Draft = JSON.parse(storage.getItem(key(reader, image)) ?? "null");
    const pixels = draft.pairs.reduce((sum, length, index) => sum + (index % 2 ? length : 0), 0);
    return draft.rows === rows && draft.columns === columns && pixels === rows * columns ? draft : null;
  } catch {
    return null;
  }
}

export const hasDraft = (storage: Storage, reader: string, image: string) => storage.getItem(key(reader, image)) !== null;

export function dropDraft(storage: Storage, reader: string, image: string): void {
  storage.removeItem(key(reader, image));
}
