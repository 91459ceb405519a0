// Without JavaScript: all that a page shows is there at the first paint, and all that leads
// elsewhere is a link or a form.

import { DASH, MODEL, assert, cells, fill, scenario } from "./harness.mjs";

const whole = (value) => (value === null ? DASH : Math.round(value).toString());
// Rounded down, so that 99.996 % is not shown as 100.00 %.
const percent = (ratio) => (ratio === null ? DASH : `${(Math.floor(ratio * 1e4 + 1e-9) / 100).toFixed(2)}%`);
const usd = (perToken) => (perToken === "-1" ? DASH : `$${(Number(perToken) * 1e6).toFixed(4)}`);
const CLASSES = { fp8: "q8 · fp8", bf16: "full · bf16", int4: "q4 · int4", fp4: "q4 · fp4", unknown: "undisclosed" };

const wanted = ({ provider_name, quantization, pricing, sextant }) => [
  provider_name,
  CLASSES[quantization],
  usd(pricing.prompt),
  usd(pricing.completion),
  whole(sextant.latency_ms.p50),
  whole(sextant.latency_ms.p95),
  whole(sextant.throughput_tps.p50),
  whole(sextant.throughput_tps.p95),
  percent(sextant.uptime_30m.ratio),
  percent(sextant.success_30m.ratio),
  "",
  sextant.status,
];

await scenario(async ({ open }) => {
  const endpoints = await fill();
  const page = await open(`/models/${MODEL}`, { javaScriptEnabled: false });

  const rows = await cells(page.locator("#numbers"));
  const byProvider = (one, other) => one[0].localeCompare(other[0]);
  assert.deepEqual([...rows].sort(byProvider), [...endpoints.values()].map(wanted).sort(byProvider));
  // All that are dashes in the document's own example are dashes here.
  assert.deepEqual(rows.find(([provider]) => provider === "Quiet").slice(2, 10), Array(8).fill(DASH));
  assert.equal(rows.find(([provider]) => provider === "Thin")[4], DASH, "19 of 20");

  const card = (name) => page.locator(".cards > div", { hasText: name }).locator("dd").innerText();
  assert.match(await card("Cheapest provider"), /\$0\.1(0)? \/ 1M\s+Steady/);
  assert.match(await card("Fastest provider (p95)"), /\d+ tok\/s\s+Swift/);
  assert.match(await card("Intelligence (composite)"), /^54\.5\s+MMLU-Pro · HumanEval · math · GPQA$/);
  const parts = await page.locator("section[aria-labelledby=intelligence] dd b").allInnerTexts();
  assert.deepEqual(parts, ["74.3", "32.8", "50.3", "57.2"]);
  await page.getByText("Source: the model's card").waitFor();

  const tiers = await page.locator(".tiers li").allInnerTexts();
  assert.equal(tiers.length, 3);
  for (const [tier, text] of ["Realtime", "Standard", "Batch"].entries()) assert.ok(tiers[tier].startsWith(text), tiers[tier]);
  assert.match(tiers[1], /currently Swift at \$0\.20\/1M/, "the pick by name and price");
  assert.match(tiers[1], /Steady is cheaper, but degraded/, "and why");
  const legend = await page.locator(".legend").innerText();
  for (const word of ["“—” means", "“undisclosed” means"]) assert.ok(legend.includes(word), legend);

  for (const unusable of ["#theme", "thead button", ".chart-place", "#stale"]) {
    assert.equal(await page.locator(unusable).filter({ visible: true }).count(), 0, unusable);
  }
  assert.match(await page.locator("noscript p").innerText(), /^The charts need a script/);

  // What a number rests on stands in the row's detail as well as on hover.
  const detail = page.locator("details", { hasText: "Swift" });
  await detail.locator("summary").click();
  const note = await detail.locator(`[data-note="swift/fp8 uptime"]`).innerText();
  assert.match(note, /^160 of 160 .*; Wilson 95% lower bound 97\.65%$/);
  assert.equal(await page.locator(`#numbers [data-cell="swift/fp8 uptime"]`).getAttribute("title"), note);
  assert.equal(await detail.locator("table tbody tr").count(), 2, "a row for each region");

  await page.locator(".regions").getByText("eu-central-1").click();
  await page.waitForURL(/[?&]region=eu-central-1$/);
  const [swift] = (await cells(page.locator("#numbers"))).filter(([provider]) => provider === "Swift");
  assert.equal(swift[4], whole(endpoints.get("swift/fp8").sextant.regions["eu-central-1"].latency_ms.p50));

  await page.locator("nav").getByText("Models").click();
  const listed = () => page.locator("table.numbers tbody th a").allInnerTexts();
  assert.deepEqual(await listed(), ["Another: Model without endpoints", "Example: Model 70B", "Example: Small 7B"]);
  await page.getByLabel("Search models").fill("SMALL");
  await page.getByRole("button", { name: "Search" }).click();
  await page.waitForURL(/\?q=SMALL$/);
  assert.deepEqual(await listed(), ["Example: Small 7B"]);
  await page.getByText("All 3 models").click();
  assert.equal((await listed()).length, 3);
  await page.getByText("Example: Model 70B").click();
  await page.waitForURL(new RegExp(`/models/${MODEL}$`));

  const missing = await open("/models/example/model-70", { javaScriptEnabled: false, allowed: [/404/] });
  await missing.getByRole("link", { name: MODEL }).click();
  await missing.waitForURL(new RegExp(`/models/${MODEL}$`));
});
