// Opens a study in OHIF in headless Chromium, shows its segmentation, and writes what was seen.
//
//   node open_ohif.mjs MODULES CHROMIUM URL STUDY OUTPUT
//
// MODULES is the node_modules folder of scripts/fetch_viewer.sh. OUTPUT gets before.png and after.png (without and with the
// segmentation) and report.json: every address asked for, errors of the page, its text, the place of the picture in it.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const [modules, chromium, url, study, output] = process.argv.slice(2);
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
const report = { requests: [], errors: [], console: [] };
try {
  const page = await browser.newPage();
  page.on("request", (request) => report.requests.push(request.url()));
  page.on("console", (message) => message.type() === "error" && report.console.push(message.text()));
  page.on("pageerror", (error) => report.errors.push(error.message));
  await page.evaluateOnNewDocument(() => localStorage.setItem("shownTours", '["basicViewerTour"]'));
  await page.goto(`${url}/viewer?StudyInstanceUIDs=${study}`, { waitUntil: "domcontentloaded", timeout: 60000 });
  const entry = "//*[starts-with(@data-cy, 'study-browser-thumbnail-no-image')][.//text()='SEG']";
  const thumbnail = await page.waitForSelector(`::-p-xpath(${entry})`, { timeout: 60000 });
  await page.waitForSelector("canvas.cornerstone-canvas", { timeout: 60000 });
  await settled(page, "before.png");
  await thumbnail.click({ count: 2 });
  const yes = await page.waitForSelector('[data-cy="yes-hydrate-btn"]', { timeout: 60000 });
  await yes.click();
  await page.waitForSelector('[data-cy="yes-hydrate-btn"]', { hidden: true, timeout: 30000 });
  await settled(page, "after.png");
} catch (error) {
  report.errors.push(error.message);
} finally {
  const [page] = (await browser.pages()).slice(-1);
  report.text = await page.evaluate(() => document.body.innerText).catch(() => "");
  report.canvas = await page.$eval("canvas.cornerstone-canvas", (canvas) => canvas.getBoundingClientRect().toJSON()).catch(() => null);
  await writeFile(path.join(output, "report.json"), JSON.stringify(report, null, 1));
  await browser.close();
  await rm(profile, { recursive: true, force: true });
}

// Take screenshots until two in a row, 0.7 s apart, are the same; write the last one.
async function settled(page, name) {
  let last;
  for (let attempt = 0; attempt < 20; attempt++) {
    const shot = Buffer.from(await page.screenshot());
    if (last?.equals(shot)) break;
    last = shot;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  await writeFile(path.join(output, name), last);
}
