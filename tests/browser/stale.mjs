// The server's input stops: a banner with an age that grows, on every page; and it goes by itself.

import { MODEL, assert, cell, eventually, held, isMarked, mark, report, scenario, times, wish, world } from "./harness.mjs";

const seconds = async (page) => {
  const text = await page.locator("#stale-age").textContent();
  const [, n, unit] = /^(\d+) (s|min)$/.exec(text);
  return Number(n) * (unit === "s" ? 1 : 60);
};

await scenario(async ({ open }) => {
  await report(times(30, { provider: "swift" }), world.collector);
  await held(30);
  const pages = [];
  for (const path of [`/models/${MODEL}`, "/", "/providers", "/operations"]) {
    const page = await open(path);
    await page.getByText("Live.").waitFor();
    assert.ok(await page.locator("#stale").isHidden(), path);
    await mark(page);
    pages.push(page);
  }
  const shown = () => cell(pages[0], "swift/unknown", "latency_p50").innerText();
  const figure = await shown();
  assert.match(figure, /^\d+$/);

  await wish("stop the aggregator");
  for (const page of pages) {
    await page.bringToFront();
    await page.locator("#stale").waitFor();
    const first = await seconds(page);
    assert.ok(first >= 15, `${page.url()}: after ${first} s`);
    await eventually("an age that grows", async () => assert.ok((await seconds(page)) >= first + 2));
  }
  assert.equal(await shown(), figure, "the last good numbers stay");
  // Who comes meanwhile is told as well, before any script.
  const late = await open(`/models/${MODEL}`, { javaScriptEnabled: false });
  assert.ok(await late.locator("#stale").isVisible());
  assert.ok((await seconds(late)) >= 15);

  await wish("let the aggregator go on");
  for (const page of pages) {
    await page.bringToFront();
    await page.locator("#stale").waitFor({ state: "hidden" });
    assert.ok(await isMarked(page), "without being loaded anew");
  }
  await report(times(70, { provider: "swift", ttft_ms: 500 }), world.collector);
  await eventually("new numbers", async () => assert.notEqual(await shown(), figure));
  assert.ok(await isMarked(pages[0]));
});
