// Opens a study in monailabel's OHIF in headless Chromium and runs the first model from its MONAI Label panel.
//
//   node open_panel.mjs MODULES CHROMIUM ADDRESS OUTPUT
//
// MODULES is the node_modules folder of scripts/fetch_viewer.sh, ADDRESS that of the panel's page. OUTPUT gets panel.png
// and report.json: what was asked for and answered, errors of the page, what the panel wrote to the console, its text.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const [modules, chromium, address, output] = process.argv.slice(2);
const puppeteer = createRequire(path.resolve(modules, "-"))("puppeteer-core");

const profile = await mkdtemp(path.join(tmpdir(), "mammoseg-chromium-"));
const browser = await puppeteer.launch({
  executablePath: chromium,
  userDataDir: profile,
  defaultViewport: { width: 1300, height: 800 },
  args: [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
  ],
});
const report = { answers: [], errors: [], console: [], text: "", status: null };
const page = await browser.newPage();
try {
  page.on("response", (answer) => report.answers.push(answer.url()));
  page.on("console", (message) => report.console.push(message.text()));
  page.on("pageerror", (error) => report.errors.push(error.message));
  await page.goto(address, { waitUntil: "domcontentloaded", timeout: 60000 });
  await page.waitForSelector("canvas.cornerstone-canvas", { timeout: 60000 });
  const connect = await page.waitForSelector(".settingsTable button", { timeout: 30000 });
  await connect.click();
  const run = await page.waitForSelector('button[title="Run Segmentation"]', { timeout: 30000 });
  const answered = page.waitForResponse((answer) => answer.url().includes("/infer/"), { timeout: 60000 });
  await run.click();
  report.status = (await answered).status();
  await new Promise((resolve) => setTimeout(resolve, 1500)); // for the panel to draw, or to say that it cannot
  await page.screenshot({ path: path.join(output, "panel.png") });
} catch (error) {
  report.errors.push(error.message);
} finally {
  report.text = await page.evaluate(() => document.body.innerText).catch(() => "");
  await writeFile(path.join(output, "report.json"), JSON.stringify(report, null, 1));
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}
