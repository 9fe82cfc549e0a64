// Opens the page to annotate in headless Chromium and does with it what it is told, line by line.
//
//   node annotate.mjs MODULES CHROMIUM ADDRESS OUTPUT
//
// MODULES is the node_modules folder of scripts/fetch_viewer.sh, ADDRESS the label server's. Each line of the input is a
// step in JSON: [name of a step, arguments...], as STEPS below has them; each is answered by a line with what steps told
// so far. The end of the input is the end. OUTPUT gets report.json: that of chromium.mjs, with every address that was
// asked, what was sent to save, what a model proposed last, and what the steps tell.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { browse } from "../../viewer/chromium.mjs";

const [modules, chromium, address, output] = process.argv.slice(2);
const STEPS = {
  ...{ login, ready, key, click, drag, move, choose, tell, picture, reload, offline, axe, type, resize, open, draft, place, outside },
  ...{ "end login": endLogin, "second tab": secondTab },
};
await browse(modules, chromium, [[visit, output]], 600); // who tells the steps may end it before

async function visit(page, report) {
  Object.assign(report, { requests: [], saved: [], told: {} });
  await page.setViewport({ width: 1280, height: 720 });
  page.on("request", (request) => {
    report.requests.push(request.url());
    if (request.url().endsWith("/api/save")) report.saved.push(JSON.parse(request.postData()));
  });
  page.on("response", (response) => {
    if (response.url().endsWith("/api/propose") && response.ok()) report.proposed = response.json();
  });
  await page.goto(new URL("/annotate/", address).href, { timeout: 60000 });
  for await (const line of createInterface({ input: process.stdin })) {
    const [name, ...options] = JSON.parse(line);
    await STEPS[name](page, report, ...options).catch((error) => {
      throw new Error(`${name} ${JSON.stringify(options)}: ${error.message}`);
    });
    report.proposed = await report.proposed;
    console.log(JSON.stringify({ told: report.told, proposed: report.proposed }));
  }
}

// The unsaved work on the open case, as the browser keeps it; null where nothing was done yet.
async function draft(page, report) {
  report.told.draft = await page.evaluate(() => {
    const image = decodeURIComponent(location.hash.slice(1));
    const key = Object.keys(localStorage).find((one) => one.endsWith(`,${JSON.stringify(image)}]`));
    return key ? JSON.parse(localStorage.getItem(key)) : null;
  });
}

// Where the mammogram is: x of its first column, how far the next one is from it, and whether the other view is left of it.
async function place(page, report, name) {
  const [[x0], [x1]] = [await onScreen(page, [0, 0]), await onScreen(page, [0, 1])];
  const [main, beside] = await page.$$eval("#screens > section", (found) => found.map((one) => one.getBoundingClientRect().left));
  report.told[name] = [x0, x1 - x0, beside < main];
}

// Buttons, fields and what must be said of the models, of which a part is not within the window.
async function outside(page, report, name) {
  report.told[name] = await page.$$eval("button, select, input, #stage, #warning", (found) =>
    found
      .filter((one) => one.checkVisibility())
      .map((one) => [one.id || one.textContent, one.getBoundingClientRect()])
      .filter(([, { left, top, right, bottom }]) => left < 0 || top < 0 || right > innerWidth || bottom > innerHeight)
      .map(([name]) => name),
  );
}

// As after eight hours: the server knows the browser no more.
async function endLogin(page, report, token) {
  const client = await page.createCDPSession();
  await client.send("Network.clearBrowserCookies");
  await Promise.all([page.waitForNavigation({ timeout: 60000 }), page.keyboard.press("s")]);
  await login(page, report, token);
  await ready(page);
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

// The mouse over the mammogram.
async function move(page, report, point) {
  await page.mouse.move(...(await onScreen(page, point)));
  await drawn(page);
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
