// Opens the page to annotate in headless Chromium and does with it what a plan says.
//
//   node annotate.mjs MODULES CHROMIUM ADDRESS PLAN OUTPUT
//
// MODULES is the node_modules folder of scripts/fetch_viewer.sh, ADDRESS the label server's, PLAN a JSON list of steps:
// [name of a step, arguments...], as STEPS below has them. OUTPUT gets report.json: that of chromium.mjs, with every
// address that was asked, what was sent to save, and what the steps tell.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { browse } from "../../viewer/chromium.mjs";

const [modules, chromium, address, plan, output] = process.argv.slice(2);
const STEPS = { login, ready, key, click, drag, choose, tell, picture, reload, offline, axe, type, resize, open, "second tab": secondTab };
await browse(modules, chromium, [[visit, output]]);

async function visit(page, report) {
  Object.assign(report, { requests: [], saved: [], told: {} });
  await page.setViewport({ width: 1280, height: 720 });
  page.on("request", (request) => {
    report.requests.push(request.url());
    if (request.url().endsWith("/api/save")) report.saved.push(JSON.parse(request.postData()));
  });
  await page.goto(new URL("/annotate/", address).href, { timeout: 60000 });
  for (const [name, ...options] of JSON.parse(plan)) {
    await STEPS[name](page, report, ...options).catch((error) => {
      throw new Error(`${name} ${JSON.stringify(options)}: ${error.message}`);
    });
  }
}

async function login(page, report, token) {
  report.led = page.url();
  await page.type('input[name="token"]', token);
  await Promise.all([page.waitForNavigation({ timeout: 60000 }), page.click('form[action="/login"] button')]);
}

async function ready(page) {
  await page.waitForFunction(() => document.body.dataset.state === "ready", { timeout: 60000 });
  await drawn(page);
}

// The page has drawn what it had to.
async function drawn(page) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

// Keys one after the other; each waits until the page has done what the one before asked for.
async function key(page, report, ...keys) {
  for (const one of keys) {
    const parts = one.split("+").filter(Boolean);
    const last = parts.pop() ?? "+";
    for (const held of parts) await page.keyboard.down(held);
    await page.keyboard.press(last);
    for (const held of parts) await page.keyboard.up(held);
    await ready(page);
  }
}

async function onScreen(page, [row, column]) {
  return page.evaluate(
    (row, column) => {
      const stage = document.getElementById("stage");
      const [[x0, y0], [x1, y1]] = JSON.parse(stage.dataset.corners);
      const { left, top } = stage.getBoundingClientRect();
      return [left + x0 + column * (x1 - x0), top + y0 + row * (y1 - y0)];
    },
    row,
    column,
  );
}

async function click(page, report, point, shift = false) {
  if (shift) await page.keyboard.down("Shift");
  await page.mouse.click(...(await onScreen(page, point)));
  if (shift) await page.keyboard.up("Shift");
  await ready(page);
}

async function drag(page, report, ...points) {
  const [first, ...others] = await Promise.all(points.map((point) => onScreen(page, point)));
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of others) await page.mouse.move(...point, { steps: 8 });
  await page.mouse.up();
  await ready(page);
}

async function choose(page, report, selector, value) {
  await (value === undefined ? page.click(selector) : page.select(selector, value));
  await ready(page);
}

async function type(page, report, selector, text) {
  await page.type(selector, text);
}

async function tell(page, report, name, selector) {
  report.told[name] = await page.$eval(selector, (found) => found.innerText || found.value || "");
}

// A screenshot of the page, and where the pixel centres [0, 0] and [1, 1] of the mammogram are in it.
async function picture(page, report, name) {
  await drawn(page);
  await page.screenshot({ path: path.join(output, `${name}.png`) });
  report.told[name] = [await onScreen(page, [0, 0]), await onScreen(page, [1, 1])];
}

async function reload(page) {
  await page.reload({ timeout: 60000 });
  await ready(page);
}

async function offline(page, report, is) {
  await page.setOfflineMode(is);
}

async function resize(page, report, width, height) {
  await page.setViewport({ width, height });
}

// A case out of the list that is shown.
async function open(page, report, image) {
  const button = await page.waitForSelector(`::-p-xpath(//dialog//button[starts-with(., "${image}")])`);
  await button.click();
  await ready(page);
}

async function secondTab(page, report) {
  const other = await page.browser().newPage();
  await other.goto(page.url(), { timeout: 60000 });
  await ready(other);
  await tell(other, report, "second tab", "#status");
  await other.close();
  await page.bringToFront();
}

async function axe(page, report, name) {
  const axeCore = "../../../monailabel_app/annotate/node_modules/axe-core/axe.min.js";
  await page.evaluate(await readFile(path.resolve(import.meta.dirname, axeCore), "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  report.told[name] = violations.map(({ id, impact, nodes }) => [id, impact, nodes.map(({ html }) => html)]);
}
