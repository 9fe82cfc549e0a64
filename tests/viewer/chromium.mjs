// Pages in headless Chromium, one after the other in one browser, and what came of each.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

const VISIT_SECONDS = 180;

// For each [visit, output] open a page, run visit(page, report) and write output/report.json: errors of the page and of
// the visit, lines of the console, text at the end, and what the visit adds. `modules` is the node_modules folder of
// scripts/fetch_viewer.sh, `seconds` the most that a visit may take.
export async function browse(modules, chromium, visits, seconds = VISIT_SECONDS) {
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
  try {
    for (const [visit, output] of visits) {
      const report = await visited(browser, visit, seconds);
      await writeFile(path.join(output, "report.json"), JSON.stringify(report, null, 1));
    }
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}

async function visited(browser, visit, seconds) {
  const report = { errors: [], console: [] };
  const page = await browser.newPage();
  page.on("console", (message) => report.console.push(message.text()));
  page.on("pageerror", (error) => report.errors.push(error.message));
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  await Promise.race([visit(page, report), late]).catch((error) => report.errors.push(error.message));
  clearTimeout(timer);
  report.text = await page.evaluate(() => document.body.innerText).catch(() => "");
  await page.close();
  return report;
}
