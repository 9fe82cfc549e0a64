import { expect, test } from "vitest";
import { warningOf } from "../src/warning";

const film = { name: "film_unet", warning: "Film only." };

test("a warning of both models stands there once, with both names", () => {
  expect(warningOf([film, { name: "click_unet", warning: "Film only." }])).toBe("film_unet, click_unet: Film only.");
});

test("each model has its own warning, and where nothing must be said nothing is", () => {
  expect(warningOf([{ name: "unet", warning: "Phantoms only." }, film])).toBe("unet: Phantoms only. film_unet: Film only.");
  expect(warningOf([undefined, null, { name: "random_walker", warning: "" }])).toBe("");
});
