// Opens studies in OHIF in headless Chromium, shows the segmentation of each, and writes what was seen.
//
//   node open_ohif.mjs MODULES CHROMIUM URL (STUDY OUTPUT)...
//
// Each OUTPUT gets before.png and after.png (without and with the segmentation) and report.json: that of chromium.mjs, with
// every address asked for and the place of the picture in the page.
import path from "node:path";
import { browse } from "./chromium.mjs";

const CANVAS = "canvas.cornerstone-canvas";
const DRAWN_SECONDS = 60;
const SAME_LOOKS = 3;
const AMBER = 40; // as in test_ohif.py

const [modules, chromium, url, ...rest] = process.argv.slice(2);
const visits = [];
for (let i = 0; i < rest.length; i += 2) visits.push([(page, report) => open(page, report, rest[i], rest[i + 1]), rest[i + 1]]);
await browse(modules, chromium, visits);

async function open(page, report, study, output) {
  report.requests = [];
  page.on("request", (request) => report.requests.push(request.url()));
  await page.evaluateOnNewDocument(() => localStorage.setItem("shownTours", '["basicViewerTour"]'));
  await page.goto(`${url}/viewer?StudyInstanceUIDs=${study}`, { waitUntil: "domcontentloaded", timeout: 60000 });
  const entry = "//*[starts-with(@data-cy, 'study-browser-thumbnail-no-image')][.//text()='SEG']";
  const thumbnail = await page.waitForSelector(`::-p-xpath(${entry})`, { timeout: 60000 });
  await drawn(page, "grey");
  await page.screenshot({ path: path.join(output, "before.png") });
  const asked = page.waitForSelector('[data-cy="yes-hydrate-btn"]', { timeout: 60000 });
  const [yes] = await Promise.all([Promise.race([asked, refused(page)]), thumbnail.evaluate(doubleClick)]);
  await page.$$eval(CANVAS, (old) => old.forEach((canvas) => canvas.setAttribute("data-old", ""))); // shows a preview
  await yes.click();
  await page.waitForSelector('[data-cy="yes-hydrate-btn"]', { hidden: true, timeout: 60000 });
  await drawn(page, "amber");
  await page.screenshot({ path: path.join(output, "after.png") });
  report.canvas = await page.$eval(CANVAS, (canvas) => canvas.getBoundingClientRect().toJSON());
}

// In the page: on the entry itself, wherever it is by now; entries move down while pictures of others come in.
function doubleClick(entry) {
  entry.dispatchEvent(new MouseEvent("dblclick", { bubbles: true }));
}

// Fail with what OHIF says when it cannot open a segmentation; the page may be blank then, or load for ever.
function refused(page) {
  return new Promise((_, reject) => {
    page.on("console", (line) => /^\w*Error: /.test(line.text()) && reject(new Error(`OHIF says: ${line.text()}`)));
  });
}

// Wait until a canvas that is not old shows pixels of the colour, and the same ones at each of a few looks.
async function drawn(page, colour) {
  const end = Date.now() + DRAWN_SECONDS * 1000;
  for (let last, looks = 0; looks < SAME_LOOKS; ) {
    if (Date.now() > end) throw new Error(`nothing ${colour} is drawn after ${DRAWN_SECONDS} s; seen last: ${JSON.stringify(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const seen = await page.evaluate(look, CANVAS, AMBER);
    looks = seen?.[colour] && seen.picture === last?.picture ? looks + 1 : 0;
    last = seen;
  }
}

// In the page: how many pixels of a canvas are coloured, how many are not black, and a number that stands for all.
function look(selector, amber) {
  const canvas = document.querySelector(`${selector}:not([data-old])`);
  if (!canvas?.width) return null;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const seen = { amber: 0, grey: 0, picture: canvas.width };
  for (let i = 0; i < data.length; i += 4) {
    const [red, green, blue] = [data[i], data[i + 1], data[i + 2]];
    seen.amber += Math.min(red, green) - blue > amber;
    seen.grey += red > 0;
    seen.picture = (31 * seen.picture + 65536 * red + 256 * green + blue) | 0;
  }
  return seen;
}
