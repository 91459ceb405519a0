// The server is gone: the pages say so, and count on. It is there again: they go on by themselves.

import { MODEL, assert, cell, eventually, fill, isMarked, mark, report, scenario, times, wish } from "./harness.mjs";

await scenario(async ({ open }) => {
  await fill();
  const allowed = [/Failed to load resource: net::ERR_/, /status of 503/];
  const pages = [];
  for (const path of [`/models/${MODEL}`, "/"]) {
    const page = await open(path, { allowed });
    await page.getByText("Live.").waitFor();
    await mark(page);
    pages.push(page);
  }
  const [model] = pages;
  const figure = await cell(model, "swift/fp8", "latency_p50").innerText();

  await wish("kill the server");
  for (const page of pages) {
    await page.bringToFront();
    await page.getByText("Not live: trying again.").waitFor();
    await page.locator("#stale").waitFor();
    const age = async () => parseInt(await page.locator("#stale-age").textContent(), 10);
    const first = await age();
    assert.ok(first >= 15, `after ${first} s`);
    await eventually("an age that grows", async () => assert.ok((await age()) > first));
  }
  assert.equal(await cell(model, "swift/fp8", "latency_p50").innerText(), figure);

  await wish("start the server again");
  for (const page of pages) {
    await page.bringToFront();
    await page.getByText("Live.", { exact: true }).waitFor();
    await page.locator("#stale").waitFor({ state: "hidden" });
    assert.ok(await isMarked(page), `${page.url()} was loaded anew`);
  }
  await report(times(1, { provider: "thin" }));
  await eventually("new numbers", async () => assert.equal(await cell(model, "thin/int4", "uptime").innerText(), "100.00%"));
  assert.ok(await isMarked(model));
});
