// Opens a study in monailabel's OHIF in headless Chromium and runs the first model from its MONAI Label panel.
//
//   node open_panel.mjs MODULES CHROMIUM ADDRESS OUTPUT [TOKEN]
//
// MODULES is the node_modules folder of scripts/fetch_viewer.sh, ADDRESS that of the panel's page. OUTPUT gets panel.png
// and report.json: that of chromium.mjs, with every address that answered and the status of the inference. With TOKEN it
// logs in before and out after, and tells the addresses to which it was led, and the study list.
import path from "node:path";
import { browse } from "../../viewer/chromium.mjs";

const [modules, chromium, address, output, token] = process.argv.slice(2);
await browse(modules, chromium, [[token ? withLogin : runModel, output]]);

async function runModel(page, report) {
  Object.assign(report, { answers: [], status: null });
  page.on("response", (answer) => report.answers.push(answer.url()));
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
}

async function withLogin(page, report) {
  await page.goto(new URL("/ohif/", address).href, { timeout: 60000 });
  report.led = [page.url()];
  await page.type('input[name="token"]', token);
  await click(page, 'form[action="/login"] button');
  report.led.push(page.url());
  await page.waitForFunction(() => /^MG$/m.test(document.body.innerText), { timeout: 60000 });
  report.list = await page.evaluate(() => document.body.innerText);
  await runModel(page, report);
  await page.goto(new URL("/login", address).href, { timeout: 60000 });
  await click(page, 'form[action="/logout"] button');
  await page.goto(address, { timeout: 60000 });
  report.led.push(page.url());
}

async function click(page, selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: "domcontentloaded", timeout: 60000 }), page.click(selector)]);
}
