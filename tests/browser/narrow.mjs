// On a screen of 320 px no page is wider than it; a wide table scrolls in its own place, and its
// first column stays.

import { MODEL, assert, eventually, fill, scenario } from "./harness.mjs";

const WIDTH = 320;

await scenario(async ({ open }) => {
  await fill();
  const small = { viewport: { width: WIDTH, height: 640 }, allowed: [/status of 404/] };
  const paths = ["/", "/?q=nothing", "/providers", "/operations", `/models/${MODEL}`, "/models/example/none"];
  for (const path of paths) {
    const page = await open(path, small);
    const fits = async (what) => {
      const { scrollWidth, outside } = await page.evaluate(() => {
        const isClipped = (element) => element.closest(".scroll, .unseen, .skip, .sprite, .uplot");
        const all = [...document.body.querySelectorAll("*")].filter((element) => element.checkVisibility() && !isClipped(element));
        const outside = all.filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5);
        return { scrollWidth: document.scrollingElement.scrollWidth, outside: outside.map((element) => element.outerHTML.slice(0, 120)) };
      });
      assert.deepEqual([scrollWidth, outside], [WIDTH, []], `${path} ${what}`);
    };
    await fits("at first");
    if (!path.startsWith("/models/") || path.endsWith("none")) continue;

    await page.locator(".chart canvas").waitFor();
    for (const details of await page.locator("details").all()) await details.locator("summary").click();
    await eventually("the charts", () => fits("all open"));
    await page.setViewportSize({ width: 1280, height: 640 });
    await page.setViewportSize(small.viewport);
    await eventually("all to be narrow again", () => fits("narrowed"));
  }

  const page = await open(`/models/${MODEL}`, small);
  const box = page.locator(".scroll").first();
  const places = () =>
    box.evaluate((box) => {
      const left = box.getBoundingClientRect().left + box.clientLeft;
      const rows = [...box.querySelectorAll("tbody tr, thead tr:first-child")];
      return rows.map((row) => [...row.cells].slice(0, 2).map((cell) => Math.round(cell.getBoundingClientRect().left - left)));
    });
  const first = await places();
  assert.ok(first.every(([provider]) => provider === 0), JSON.stringify(first));
  await box.evaluate((box) => { box.scrollLeft = box.scrollWidth; });
  const [moved, scrolled] = [await places(), await box.evaluate((box) => box.scrollLeft)];
  assert.ok(scrolled > 100, `${scrolled} px`);
  for (const [row, [provider, quantization]] of moved.entries()) {
    assert.equal(provider, 0, "the first column stays");
    assert.ok(Math.abs(first[row][1] - scrolled - quantization) <= 1, "the others move");
  }
  // What stays hides what moves beneath it.
  const shines = await box.evaluate((box) => getComputedStyle(box.querySelector("tbody th")).backgroundColor);
  assert.doesNotMatch(shines, /rgba\(.*, 0\)|transparent/);
});
