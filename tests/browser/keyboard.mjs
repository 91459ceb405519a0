// The keyboard alone: everything is reached, in order, and seen to be reached; and it does what a
// click does.

import { MODEL, assert, eventually, fill, scenario } from "./harness.mjs";

const STEPS_MAX = 200;

/** What has the focus: where it is, whether that is seen, and whether it comes after the one before. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    if (element === document.body || element === null) return null;
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const before = window.focusedBefore;
    window.focusedBefore = element;
    (window.visited ??= new Set()).add(element);
    return {
      name: (element.getAttribute("aria-label") ?? element.innerText ?? "").trim().slice(0, 40),
      tag: element.localName,
      isOutlined: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
      isOnScreen: box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight,
      isLater: !before || Boolean(before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING),
    };
  });

/** Goes through the whole page by the tabulator, and gives the names of all stops. */
const walk = async (page) => {
  const names = [];
  for (let step = 0; step < STEPS_MAX; step += 1) {
    await page.keyboard.press("Tab");
    const stop = await focused(page);
    if (stop === null) break;
    const { name, isOutlined, isOnScreen, isLater } = stop;
    if (!isLater) break;
    assert.ok(isOutlined && isOnScreen, `the focus is not seen: ${JSON.stringify(stop)}`);
    names.push(name);
  }
  const missed = await page.evaluate(() => {
    const all = document.querySelectorAll("a[href], button, input, summary, [tabindex]");
    const shown = [...all].filter((element) => element.checkVisibility({ visibilityProperty: true }));
    return shown.filter((element) => !window.visited.has(element)).map((element) => element.outerHTML.slice(0, 200));
  });
  assert.deepEqual(missed, [], "all is reached");
  assert.equal(await page.locator("[tabindex]:not([tabindex='0'])").count(), 0, "nothing is out of order");
  return names;
};

await scenario(async ({ open }) => {
  await fill();
  for (const path of ["/", "/providers", "/operations", `/models/${MODEL}`]) {
    const page = await open(path);
    await page.getByText("Live.").waitFor();
    const names = await walk(page);
    const site = ["Skip to the numbers", "Sextant", "Models", "Providers", "Operations", "Theme: system"];
    assert.deepEqual(names.slice(0, site.length), site, path);
  }

  const page = await open(`/models/${MODEL}`);
  await page.getByText("Live.").waitFor();
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const name = () => page.evaluate(() => document.activeElement.innerText.trim());
  /** Goes on by the tabulator until what has the focus is called so. */
  const reach = async (wanted) => {
    for (let step = 0; step < STEPS_MAX; step += 1) {
      await press("Tab");
      if ((await name()) === wanted) return;
    }
    assert.fail(`${wanted} is not reached`);
  };

  await press("Tab", "Enter", "Tab");
  assert.equal(await name(), "global", "past the skip link comes what is first in the page's own part");
  await press("Tab", "Enter");
  await page.waitForURL(/region=eu-central-1$/);
  await page.getByText("Live.").waitFor();

  await reach("Uptime 30m");
  const uptime = page.locator("#numbers thead th", { hasText: "Uptime" });
  for (const [key, order] of [["Enter", "descending"], ["Space", "ascending"], ["Enter", null]]) {
    await press(key);
    assert.equal(await uptime.getAttribute("aria-sort"), order);
  }

  await reach("Swift");
  await press("Enter");
  await page.waitForURL(/#swift\/fp8$/);

  await page.locator("#charts button").first().waitFor();
  await page.locator("#charts h2").evaluate((heading) => {
    heading.tabIndex = -1;
    heading.focus();
    heading.removeAttribute("tabindex");
  });
  await reach("Success");
  const success = page.locator("#charts").getByRole("button", { name: "Success" });
  await press("Space");
  assert.equal(await success.getAttribute("aria-pressed"), "true");
  await reach("6 h");
  const asked = page.waitForRequest(/\/history\?.*step=5m/);
  await press("Enter");
  await asked;
  await reach("Success as a table");
  await press("Enter");
  assert.ok(await page.locator(".chart-table").evaluate((details) => details.open));

  const detail = page.locator("details[data-details='swift/fp8']");
  await detail.locator("summary").focus();
  const isOpen = await detail.evaluate((details) => details.open);
  await press("Enter");
  assert.equal(await detail.evaluate((details) => details.open), !isOpen);

  // A wide table scrolls by the arrows.
  await page.setViewportSize({ width: 320, height: 700 });
  const box = page.locator(".scroll").first();
  await box.focus();
  await press("ArrowRight", "ArrowRight");
  await eventually("the table to move", async () => assert.ok((await box.evaluate((box) => box.scrollLeft)) > 0));

  const overview = await open("/");
  await overview.getByLabel("Search models").focus();
  await overview.keyboard.type("small");
  await overview.keyboard.press("Enter");
  await overview.waitForURL(/\?q=small$/);
});
