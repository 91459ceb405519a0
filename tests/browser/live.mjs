// What is reported while a page is open shows on it, in place.

import { DASH, MODEL, assert, cell, eventually, fill, get, isMarked, mark, report, scenario, times } from "./harness.mjs";

await scenario(async ({ open }) => {
  await fill();
  const page = await open(`/models/${MODEL}`);
  const overview = await open("/");
  for (const one of [page, overview]) {
    await one.getByText("Live.").waitFor();
    await mark(one);
  }
  const row = ["latency_p50", "latency_p95", "throughput_p50", "uptime", "success"];
  const shown = () => Promise.all(row.map((metric) => cell(page, "thin/int4", metric).innerText()));
  assert.deepEqual(await shown(), Array(5).fill(DASH), "19 observations");
  const note = cell(page, "thin/int4", "uptime");
  assert.match(await note.getAttribute("title"), /^19 of 20 /);
  const handle = await note.elementHandle();

  const before = await page.locator("#as-of").getAttribute("datetime");
  await report(times(1, { provider: "thin", ttft_ms: 250 }));
  await eventually("the twentieth observation", async () => {
    assert.deepEqual(await shown(), ["255", DASH, "99", "100.00%", "100.00%"]);
  });
  assert.match(await note.getAttribute("title"), /^20 of 20 .*; Wilson 95% lower bound 83\.88%$/);
  assert.match(await cell(page, "thin/int4", "latency_p95").getAttribute("title"), /^20 of 100 /);
  assert.ok(await handle.evaluate((cell) => cell.isConnected), "the cell is the one that was there");
  const standing = page.locator(`#numbers [data-standing="thin/int4"]`);
  await eventually("its status", async () => assert.equal(await standing.innerText(), "healthy"));
  assert.equal(await standing.locator("use").getAttribute("href"), "#standing-healthy");
  // The detail says the same.
  assert.equal(await page.locator(`details [data-cell="thin/int4 uptime"]`).textContent(), "100.00%");
  await eventually("a later moment", async () => {
    assert.ok((await page.locator("#as-of").getAttribute("datetime")) > before);
  });
  const { data } = await get(`/api/v1/models/${MODEL}/endpoints`);
  const thin = data.endpoints.find(({ tag }) => tag === "thin/int4").sextant;
  assert.equal(Math.round(thin.latency_ms.p50).toString(), (await shown())[0]);

  // The best of all, and the one that a tier picks, change places as well.
  const fastest = page.locator("#fastest-provider");
  assert.equal(await fastest.innerText(), "Swift");
  await report(times(200, { provider: "thin", ttft_ms: 20, duration_ms: 200 }));
  await eventually("another one as the fastest", async () => assert.equal(await fastest.innerText(), "Thin"));
  await eventually("the same on the overview", async () => {
    const text = await overview.locator(`[data-key="${MODEL} fastest"]`).innerText();
    assert.match(text, /^\d+ tok\/s Thin$/);
  });
  for (const one of [page, overview]) assert.ok(await isMarked(one), "nothing was loaded anew");

  // An endpoint that was not there takes a new page, by itself.
  await report(times(20, { provider: "newcomer", quantization: "fp16" }));
  await eventually("a new row", async () => assert.equal(await cell(page, "newcomer/fp16", "uptime").innerText(), "100.00%"));
});
