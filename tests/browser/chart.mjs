// The history charts: each metric and span is drawn, and the table beside it has what the store
// answered, at times of UTC wherever the reader is.

import { DASH, MODEL, assert, eventually, get, report, scenario, times } from "./harness.mjs";

const MINUTE_MS = 60_000;

const METRICS = [
  ["Latency p50", "ms", (point) => whole(point.latency_ms.p50)],
  ["Latency p95", "ms", (point) => whole(point.latency_ms.p95)],
  ["Throughput p50", "tok/s", (point) => whole(point.throughput_tps.p50)],
  ["Throughput p95", "tok/s", (point) => whole(point.throughput_tps.p95)],
  ["Uptime", "%", (point) => percent(point.uptime.ratio)],
  ["Success", "%", (point) => percent(point.success.ratio)],
  ["Rate limited", "%", (point) => percent(point.rate_limited.ratio)],
];
const SPANS = [["30 min", 30, "1m"], ["6 h", 360, "5m"], ["1 day", 1440, "30m"]];

const whole = (value) => (value === null ? DASH : Math.round(value).toString());
const percent = (ratio) => (ratio === null ? DASH : `${(Math.floor(ratio * 1e4 + 1e-6) / 100).toFixed(2)}%`);
const moment = (text) => text.slice(0, 16).replace("T", " ");

/** The rows that must stand beside the chart. */
const wanted = ({ endpoints }, of) => {
  const byTime = new Map();
  for (const [column, { points }] of endpoints.entries()) {
    for (const point of points) {
      const row = byTime.get(point.from) ?? Array(endpoints.length).fill(DASH);
      row[column] = of(point);
      byTime.set(point.from, row);
    }
  }
  const known = [...byTime].filter(([, row]) => row.some((text) => text !== DASH));
  return known.sort(([a], [b]) => a.localeCompare(b)).map(([from, row]) => [moment(from), ...row]);
};

await scenario(async ({ open }) => {
  const past = [];
  for (let minute = 2; minute < 12; minute += 1) {
    const ago_ms = minute * MINUTE_MS;
    past.push(...times(25, { provider: "swift", ttft_ms: 100 + 10 * minute, ago_ms }));
    past.push(...times(30 - minute, { provider: "steady", ttft_ms: 400, duration_ms: 3000, ago_ms }));
    past.push(...times(minute, { provider: "steady", outcome: minute % 2 ? "timeout" : "rate_limited", ago_ms }));
  }
  past.push(...times(110, { provider: "swift", ttft_ms: 90, ago_ms: 3 * MINUTE_MS }));
  await report(past);
  await eventually("the store to have it", async () => {
    const { endpoints } = await get(`/api/v1/models/${MODEL}/history?step=1m`);
    const counts = endpoints.flatMap(({ points }) => points.map(({ counts }) => counts.live.total));
    assert.equal(counts.reduce((sum, count) => sum + count, 0), past.length);
  });

  // Half an hour off, and another day for most of the day.
  const page = await open(`/models/${MODEL}`, { timezoneId: "Australia/Adelaide" });
  const charts = page.locator("#charts");
  const drawn = () => charts.locator("canvas").evaluate((canvas) => canvas.toDataURL());
  const table = charts.locator(".chart-table");
  const head = () => table.locator("thead th").allTextContents();
  const rows = () => table.locator("tbody tr").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
  const press = (name) => charts.getByRole("button", { name, exact: true }).click();
  const pressed = () => charts.locator("[aria-pressed=true]").allInnerTexts();

  // It is asked for again every minute.
  const answers = new Map();
  page.on("response", async (response) => {
    const { pathname, searchParams } = new URL(response.url());
    // Of a page that is left meanwhile there is none.
    const answer = pathname.endsWith("/history") && (await response.json().catch(() => null));
    if (answer) answers.set(searchParams.get("step"), answer);
  });
  const pictures = new Set();
  for (const [span, minutes, step] of SPANS) {
    answers.delete(step);
    if (span === SPANS[0][0]) await page.reload();
    else await press(span);
    const answer = await eventually("an answer", async () => answers.get(step) ?? assert.fail("none yet"));
    assert.equal(Date.parse(answer.to) - Date.parse(answer.from), minutes * MINUTE_MS);
    assert.deepEqual(answer.endpoints.map(({ tag }) => tag).sort(), ["steady/bf16", "swift/fp8"]);
    for (const [metric, unit, of] of METRICS) {
      await press(metric);
      assert.deepEqual(await pressed(), [metric, span]);
      await eventually(`${metric} over ${span}`, async () => {
        assert.deepEqual(await rows(), wanted(answers.get(step), of));
      });
      assert.deepEqual(await head(), ["Time (UTC)", ...answer.endpoints.map(({ tag }) => tag)]);
      const said = await charts.locator(".chart-said").innerText();
      assert.ok(said.includes(metric) && said.includes(span) && said.includes(unit), said);
      await eventually("a picture of its own", async () => assert.ok(!pictures.has(await drawn())));
      pictures.add(await drawn());
    }
    await press(METRICS[0][0]);
  }
  assert.ok(wanted(await get(`/api/v1/models/${MODEL}/history?step=1m`), METRICS[0][2]).length >= 10, "there was something to see");

  // An incident shades its time, and stands beneath in words.
  const before = await drawn();
  assert.equal(await charts.locator(".chart-incidents").isVisible(), false);
  await report(times(400, { provider: "swift", outcome: "provider_error" }));
  await eventually("an incident", async () => {
    const { incidents } = await get(`/api/v1/incidents?model=${MODEL}`);
    assert.ok(incidents.some(({ subject, kind }) => kind === "uptime" && subject.endsWith("/swift/fp8")), JSON.stringify(incidents));
  });
  await page.reload();
  await eventually("it in words", async () => {
    const words = await charts.locator(".chart-incidents").innerText();
    assert.match(words, /Page: swift\/fp8 open since \d{4}-\d\d-\d\d \d\d:\d\d UTC\. uptime is \d+\.\d\d % over 30 min/);
  });
  assert.notEqual(await drawn(), before);

  // Beneath the pointer stands a time that the table has as well.
  const over = charts.locator(".u-over");
  const { width, height } = await over.boundingBox();
  await over.hover({ position: { x: width - 4, y: height / 2 } });
  const legend = charts.locator(".u-legend .u-series");
  await eventually("the legend", async () => {
    assert.equal(await legend.first().locator(".u-label").innerText(), "Time (UTC)");
    assert.match(await legend.first().locator(".u-value").innerText(), /^\d{4}-\d\d-\d\d \d\d:\d\d$/);
  });
  const last = new Date(await legend.first().locator(".u-value").innerText().then((text) => `${text.replace(" ", "T")}Z`));
  assert.ok(Math.abs(Date.now() - last) < 90 * MINUTE_MS, last.toISOString());
});
