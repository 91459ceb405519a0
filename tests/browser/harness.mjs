// What all scripts share: a browser that talks to the server alone, and pages on which nothing may
// go wrong unsaid.
//
// A script is run as `SCRIPT WORLD`, where the world is JSON that has at least `server`, a URL. It
// exits with 0 if all was as it must be. What it can't do itself, it asks of whoever runs it: it
// prints `{"wish": "…"}` on a line and reads a line once that is done.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

export const modules = createRequire(`${process.env.SEXTANT_TEST_MODULES}/`);
const { chromium } = modules("playwright-core");

export const world = JSON.parse(process.argv[2]);
export const DASH = "—";

// Far above what anything takes on a busy machine.
const WAIT_MS = 120_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // Whatever a page may ask elsewhere gets no answer.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

/** A browser of the script's own, with a new profile. */
export const launch = () =>
  chromium.launch({ executablePath: process.env.SEXTANT_TEST_CHROMIUM, args: FLAGS, timeout: WAIT_MS });

/** Plays a scenario: `open` gives pages, whose troubles fail it in the end. */
export const scenario = async (play) => {
  const browser = await launch();
  const troubles = [];
  const pages = [];
  const open = async (path, options = {}) => {
    const { allowed = [], ...rest } = options;
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...rest });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    const url = new URL(path, world.server);
    watch(page, url.origin, allowed, troubles);
    pages.push(page);
    await page.goto(url.href);
    return page;
  };
  try {
    await play({ open, browser });
    assert.deepEqual(troubles, [], "nothing goes wrong on any page");
  } catch (error) {
    for (const page of pages) console.error(await picture(page));
    if (troubles.length > 0) console.error("troubles:", troubles);
    throw error;
  } finally {
    await browser.close();
    // Else it would wait for more of it.
    process.stdin.destroy();
  }
};

/** Notes what goes wrong on a page: what the console says, and whoever else is asked. */
const watch = (page, origin, allowed, troubles) => {
  const note = (text) => {
    if (!allowed.some((pattern) => pattern.test(text))) troubles.push(text);
  };
  page.on("console", (message) => note(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => note(`thrown: ${error.stack}`));
  page.on("dialog", async (dialog) => {
    note(`dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) note(`asks elsewhere: ${request.url()}`);
  });
};

/** Where a page is and what it says, for whoever looks into a failure. */
const picture = async (page) => {
  if (page.isClosed()) return "a closed page";
  const text = await page.evaluate(() => document.body.innerText.slice(0, 3000)).catch(String);
  return `${page.url()}\n${text}\n`;
};

/** Tries until `attempt` no longer throws, and gives what it gives. */
export const eventually = async (what, attempt) => {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) {
        error.message = `waited ${WAIT_MS / 1000} s for ${what}: ${error.message}`;
        throw error;
      }
    }
    await pause(100);
  }
};

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

let lines;
/** Asks for something that only whoever runs the script can do, and waits until it is done. */
export const wish = async (text) => {
  lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  console.log(JSON.stringify({ wish: text }));
  const { value } = await lines.next();
  assert.equal(value, "done", text);
};

/** What the server answers. */
export const get = async (path) => {
  const answer = await fetch(new URL(path, world.server));
  assert.equal(answer.status, 200, path);
  return answer.json();
};

export const MODEL = "example/model-70b";

const identity = { "Sextant-Agent": "browser", "Sextant-Epoch": String(Date.now()) };
let sequence = 0;

/** Reports observations of a model that complete now, or `ago_ms` earlier. */
export const report = async (observations, to = world.server) => {
  const now = Date.now();
  const lines = observations.map(({ ago_ms = 0, ...fields }) => {
    const one = {
      model: MODEL,
      outcome: "ok",
      region: "us-west-2",
      completed_at: new Date(now - ago_ms).toISOString(),
      ...fields,
    };
    if (one.outcome === "ok") return { ttft_ms: 200, duration_ms: 1000, output_tokens: 100, ...one };
    return { duration_ms: 1000, ...one };
  });
  const body = lines.map((line) => JSON.stringify(line)).join("\n");
  sequence += 1;
  const headers = { ...identity, "Sextant-Sequence": String(sequence) };
  const answer = await fetch(new URL("/api/v1/observations", to), { method: "POST", headers, body });
  const said = await answer.json();
  assert.deepEqual([answer.status, said.accepted, said.rejected], [200, lines.length, []], JSON.stringify(said));
};

/** So many observations alike. */
export const times = (n, fields) => Array.from({ length: n }, (_, index) => ({ ...fields, ...spread(fields, index) }));

// No two alike, so that ranks matter.
const spread = (fields, index) =>
  (fields.outcome ?? "ok") === "ok" ? { ttft_ms: (fields.ttft_ms ?? 200) + index * 0.5, duration_ms: (fields.duration_ms ?? 1000) + index } : {};

/** The endpoints of the model by tag, once they hold so many observations in all. */
export const held = (n, model = MODEL) =>
  eventually(`${n} observations`, async () => {
    const { data } = await get(`/api/v1/models/${model}/endpoints`);
    const counts = data.endpoints.map(({ sextant }) => sextant.counts.live.total + sextant.counts.probe.total);
    assert.equal(counts.reduce((sum, count) => sum + count, 0), n);
    return new Map(data.endpoints.map((endpoint) => [endpoint.tag, endpoint]));
  });

/** The traffic that most scenarios look at. */
export const TRAFFIC = [
  ...times(120, { provider: "swift", ttft_ms: 150, duration_ms: 600 }),
  ...times(40, { provider: "swift", ttft_ms: 300, duration_ms: 1200, region: "eu-central-1" }),
  ...times(110, { provider: "steady", ttft_ms: 400, duration_ms: 2000 }),
  ...times(10, { provider: "steady", outcome: "provider_error" }),
  ...times(30, { provider: "steady", outcome: "rate_limited" }),
  ...times(19, { provider: "thin", ttft_ms: 250 }),
  ...times(30, { provider: "probed", source: "probe" }),
  ...times(10, { provider: "probed", source: "probe", outcome: "timeout" }),
];

const STATUSES = {
  "swift/fp8": "healthy",
  "steady/bf16": "degraded",
  "thin/int4": "unknown",
  "probed/unknown": "down",
  "quiet/fp4": "unknown",
};

/** Reports it, and waits until it is served. */
export const fill = async () => {
  await report(TRAFFIC);
  // A status gets better at the second edge of a step of ten seconds.
  return eventually("statuses", async () => {
    const endpoints = await held(TRAFFIC.length);
    const statuses = [...endpoints.values()].map(({ tag, sextant }) => [tag, sextant.status]);
    assert.deepEqual(Object.fromEntries(statuses), STATUSES);
    return endpoints;
  });
};

/** A cell of the large table. */
export const cell = (page, tag, metric) => page.locator(`#numbers td[data-cell="${tag} ${metric}"]`);

/** The text of each cell of a table's body, row by row. */
export const cells = (table) =>
  table.evaluate((table) => {
    // In what a row leads is no part of its name.
    const text = (cell) => cell.innerText.replace(cell.querySelector(".mark")?.innerText ?? "", "").trim();
    return [...table.tBodies[0].rows].map((row) => [...row.cells].map(text));
  });

/** Marks a page, so that a navigation shows: what is marked is gone after it. */
export const mark = (page) => page.evaluate(() => { window.isMarked = true; });
export const isMarked = (page) => page.evaluate(() => window.isMarked === true);

export { assert };
