// What a model's page weighs and how soon it is seen, from a cold cache: medians of ten, with the
// least and the most. `weight.mjs {"server": "http://…", "model": "author/slug"}`.

import { launch, world } from "./harness.mjs";

const TIMES = 10;

/** One look by a browser that has never seen the page. */
const look = async (browser) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  const [kinds, sizes] = [new Map(), new Map()];
  network.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
  network.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
  await page.goto(`${world.server}/models/${world.model}`);
  await page.getByText("Live.").waitFor();
  await page.locator(".chart canvas").waitFor();
  const { first, largest, shift } = await page.evaluate(paints);
  await context.close();
  const figures = { requests: kinds.size, bytes: 0, first, largest, shift };
  // The stream of numbers has no end, and so no size.
  for (const [id, size] of sizes) {
    const kind = `bytes of ${kinds.get(id)}`;
    figures[kind] = (figures[kind] ?? 0) + size;
    figures.bytes += size;
  }
  return figures;
};

const paints = async () => {
  const all = (type) =>
    new Promise((done) => {
      const found = [];
      const observer = new PerformanceObserver((list) => found.push(...list.getEntries()));
      observer.observe({ type, buffered: true });
      setTimeout(() => done(found), 200);
    });
  const [paint, largest, shifts] = await Promise.all(["paint", "largest-contentful-paint", "layout-shift"].map(all));
  return {
    first: paint.find(({ name }) => name === "first-contentful-paint").startTime,
    largest: largest.at(-1).startTime,
    shift: shifts.reduce((sum, { value }) => sum + value, 0),
  };
};

const browser = await launch();
try {
  // The first look of all starts the browser's own processes.
  await look(browser);
  const looks = [];
  for (let time = 0; time < TIMES; time += 1) looks.push(await look(browser));
  const names = { requests: "requests", bytes: "bytes transferred", first: "first contentful paint, ms", largest: "largest contentful paint, ms", shift: "layout shift" };
  for (const key of Object.keys(looks[0])) {
    const sorted = looks.map((one) => one[key]).sort((a, b) => a - b);
    const shown = [sorted[TIMES / 2], sorted[0], sorted.at(-1)].map((value) => (key === "shift" ? value.toFixed(4) : Math.round(value)));
    console.log(`| ${names[key] ?? key} | ${shown[0]} | ${shown[1]} .. ${shown[2]} |`);
  }
} finally {
  await browser.close();
}
