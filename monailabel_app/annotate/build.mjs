// Bundles src/ into built/: one script, one style, the page, and the licences of what the script holds.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";

await rm("built", { recursive: true, force: true });
await mkdir("built");
await build({
  entryPoints: { page: "src/page.ts", style: "src/style.css" },
  outdir: "built",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
});
await copyFile("src/index.html", "built/index.html");
const inside = ["@cornerstonejs/core", "@cornerstonejs/tools", "@kitware/vtk.js", "gl-matrix"];
const texts = await Promise.all(inside.map(async (name) => `${name}\n\n${await licence(name)}`));
await writeFile("built/LICENSES.txt", texts.join(`\n\n${"-".repeat(80)}\n\n`));

async function licence(name) {
  for (const file of ["LICENSE", "LICENSE.md"]) {
    const text = await readFile(`node_modules/${name}/${file}`, "utf8").catch(() => null);
    if (text) return text;
  }
  return `licence: ${JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8")).license}`;
}
