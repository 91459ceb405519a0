// The region switch: another region's numbers, on the table, the charts and the stream.

import { DASH, MODEL, assert, cell, eventually, fill, isMarked, mark, report, scenario, times } from "./harness.mjs";

await scenario(async ({ open }) => {
  const endpoints = await fill();
  const swift = endpoints.get("swift/fp8").sextant;
  const page = await open(`/models/${MODEL}`);
  const current = () => page.locator(".regions [aria-current]").allInnerTexts();
  const p50 = cell(page, "swift/fp8", "latency_p50");
  const whole = (value) => Math.round(value).toString();
  assert.deepEqual(await page.locator(".regions a").allInnerTexts(), ["global", "eu-central-1", "us-west-2"]);
  assert.deepEqual(await current(), ["global"]);
  assert.equal(await p50.innerText(), whole(swift.latency_ms.p50));

  const seen = new Set([swift.latency_ms.p50]);
  for (const region of ["eu-central-1", "us-west-2"]) {
    const asked = page.waitForRequest(/\/history\?/);
    await page.locator(".regions").getByText(region).click();
    await page.waitForURL(new RegExp(`\\?region=${region}$`));
    assert.deepEqual(await current(), [region]);
    const own = swift.regions[region].latency_ms.p50;
    assert.equal(await p50.innerText(), whole(own));
    assert.match(await page.locator("#numbers caption").textContent(), new RegExp(`from ${region}$`));
    assert.equal(new URL((await asked).url()).searchParams.get("region"), region);
    seen.add(own);
  }
  assert.equal(seen.size, 3, "three regions with numbers of their own");

  // Only what the region saw comes over its stream.
  await page.getByText("Live.").waitFor();
  await mark(page);
  assert.equal(await cell(page, "thin/int4", "uptime").innerText(), DASH);
  await report(times(1, { provider: "thin" }));
  await eventually("the region's twentieth", async () => assert.equal(await cell(page, "thin/int4", "uptime").innerText(), "100.00%"));
  assert.ok(await isMarked(page));
  await page.locator(".regions").getByText("eu-central-1").click();
  await page.waitForURL(/region=eu-central-1$/);
  assert.equal(await cell(page, "thin/int4", "uptime").innerText(), DASH);
});
