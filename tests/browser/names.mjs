// Whatever a name holds is shown as text: it makes no element, runs nothing, and turns nothing that
// stands beside it.

import { MODEL, assert, eventually, report, scenario, held, times, world } from "./harness.mjs";

const TURNED = "\u202eturned";
const OPERATIONS = ["<b>summarize</b>", TURNED, "'\"><script>alert(8)</script>"];

/** Elements that no page of ours has, and attributes that run something. */
const strange = (page) =>
  page.evaluate(() => {
    const found = [...document.querySelectorAll("img, b > b, iframe, object, embed, base, main script, body > script, h1 *")];
    const running = [...document.querySelectorAll("*")].filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on")));
    return [...found, ...running].map((element) => element.outerHTML.slice(0, 200));
  });

/** Whether a text's first letter stands before its last one. */
const runsForward = (locator) =>
  locator.evaluate((element) => {
    const text = element.firstChild;
    const at = (start) => {
      const range = document.createRange();
      range.setStart(text, start);
      range.setEnd(text, start + 1);
      return range.getBoundingClientRect().left;
    };
    const end = text.data.trimEnd().length - 1;
    return at(0) < at(Math.min(end, 3));
  });

await scenario(async ({ open }) => {
  const gates = OPERATIONS.map((operation) => ({ operation, model: MODEL, quantization: "bf16", verdict: "green", author: "<i>someone</i>" }));
  const put = await fetch(new URL("/api/v1/gates", world.server), { method: "PUT", body: JSON.stringify(gates) });
  assert.equal(put.status, 200, await put.text());
  await report(times(25, { provider: "markup" }));
  await report(times(25, { provider: "quotes" }));
  await held(50);

  const page = await open(`/models/${MODEL}`);
  await page.getByText("Live.").waitFor();
  await eventually("the gates", async () => assert.equal(await page.locator(".tiers code").first().count(), 1));
  const text = (selector) => page.locator(selector).first().innerText();
  assert.equal(await text("h1"), "</title></h1><script>alert(4)</script>");
  assert.equal(await page.title(), "</title></h1><script>alert(4)</script> · Sextant");
  assert.equal(await text(".title .faint"), "<!-- <svg onload=alert(5)> &lt;b&gt; {{ 6 * 7 }}");
  assert.equal(await text("#cheapest-provider"), "<img src=x onerror=alert(1)>");
  const providers = await page.locator("#numbers tbody th a").allInnerTexts();
  assert.deepEqual(new Set(providers), new Set(["<img src=x onerror=alert(1)>", "\" onmouseover=\"alert(2)\" '><script>alert(3)</script>", "Ѕwift", "אבג"]));
  const operations = await page.locator(".tiers code").allInnerTexts();
  for (const operation of OPERATIONS) assert.ok(operations.includes(operation), operations.join("\n"));
  assert.deepEqual(await strange(page), []);

  // A name that turns its own direction turns only itself.
  const turned = page.locator(".tiers .pick", { hasText: "turned" });
  assert.ok((await turned.count()) > 0);
  for (const pick of await turned.all()) {
    assert.ok(await runsForward(pick.locator("b")), await pick.innerText());
    assert.ok(await runsForward(pick.locator(".faint")), await pick.innerText());
  }

  // New numbers bring the same names again.
  await report(times(100, { provider: "quotes", ttft_ms: 10, duration_ms: 100 }));
  await eventually("another one as the fastest", async () => assert.match(await text("#fastest-provider"), /onmouseover/));
  for (const details of await page.locator("details").all()) await details.locator("summary").click();
  await page.mouse.move(400, 400);
  assert.deepEqual(await strange(page), []);

  for (const path of ["/", "/providers", "/operations", `/?q=${encodeURIComponent("<script>alert(9)</script>\" autofocus onfocus=\"alert(10)")}`]) {
    const other = await open(path);
    await other.getByText("Live.").waitFor();
    assert.deepEqual(await strange(other), [], path);
  }
  const sought = await open(`/?q=${encodeURIComponent("\"><i>")}`);
  assert.equal(await sought.getByLabel("Search models").inputValue(), "\"><i>");
  await sought.getByText("No model is called “\"><i>”.").waitFor();
  for (const path of ["/models/example/%3Cscript%3Ealert(11)%3C%2Fscript%3E", "/models/ехample/model-70b", `/models/${MODEL}?region=%3Cb%3E`, "/models/example/model-70"]) {
    const refused = await open(path, { allowed: [/status of 40[04]/] });
    assert.match(await refused.locator("h1").innerText(), /\w/, path);
    assert.equal(await refused.getByRole("link", { name: "All models" }).count(), 1, path);
    assert.deepEqual(await strange(refused), [], path);
  }
});
