// The store can't be read: the chart says what is missing, the table lives on; and the chart comes
// back with the store.

import { MODEL, assert, cell, eventually, fill, isMarked, mark, report, scenario, times } from "./harness.mjs";

const PROBLEM = {
  type: "about:blank",
  title: "The store is away",
  status: 503,
  detail: "the store did not answer in time",
};

await scenario(async ({ open }) => {
  await fill();
  const page = await open("/", { allowed: [/status of 503/] });
  let isAway = true;
  await page.route(/\/history\?/, (route) => {
    if (!isAway) return route.continue();
    return route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify(PROBLEM) });
  });
  await page.getByRole("link", { name: "Example: Model 70B" }).click();
  const said = page.locator(".chart-said");
  await said.getByText(`The history is missing: ${PROBLEM.detail}`).waitFor();
  assert.equal(await page.locator(".chart canvas, .chart-table *").count(), 0, "nothing old looks current");
  assert.equal(await said.getAttribute("role"), "status", "and it is read out");

  await page.getByText("Live.").waitFor();
  await mark(page);
  await report(times(1, { provider: "thin" }));
  await eventually("the table to live on", async () => assert.equal(await cell(page, "thin/int4", "uptime").innerText(), "100.00%"));

  isAway = false;
  await page.locator("#charts").getByRole("button", { name: "6 h" }).click();
  await page.locator(".chart canvas").waitFor();
  await eventually("the chart's words", async () => assert.match(await said.innerText(), /over 6 h/));

  // It goes away while a chart stands: what was read before is taken back.
  isAway = true;
  await page.locator("#charts").getByRole("button", { name: "1 day" }).click();
  await said.getByText("The history is missing").waitFor();
  assert.equal(await page.locator(".chart canvas").count(), 0);
  // Another metric doesn't bring it back under another name.
  await page.locator("#charts").getByRole("button", { name: "Uptime" }).click();
  assert.match(await said.innerText(), /The history is missing/);
  assert.equal(await page.locator(".chart canvas").count(), 0);
  assert.ok(await isMarked(page));
});
