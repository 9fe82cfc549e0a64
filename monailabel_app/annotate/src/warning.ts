// What must be said of the models whose outlines are seen.
import type { Model } from "./server";

// Each warning once, after the names of those that it is about.
export function warningOf(models: (Model | null | undefined)[]): string {
  const named = new Map<string, string[]>();
  for (const model of models) {
    if (model?.warning) named.set(model.warning, [...(named.get(model.warning) ?? []), model.name]);
  }
  return [...named].map(([warning, names]) => `${names.join(", ")}: ${warning}`).join(" ");
}
