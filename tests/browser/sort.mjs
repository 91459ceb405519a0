// Sorting: by each heading, either way and back; dashes last; and it lasts while numbers change.

import { DASH, MODEL, assert, cell, cells, eventually, fill, isMarked, mark, report, scenario, times } from "./harness.mjs";

// Which cell of a row each heading stands over, and which way its first click sorts.
const COLUMNS = [
  ["Provider", 0, "text"],
  ["Quant", 1, "text"],
  ["Input $/1M", 2, "up"],
  ["Output $/1M", 3, "up"],
  ["Uptime 30m", 8, "down"],
  ["Success", 9, "down"],
  ["Status", 11, "down"],
  // The second row of headings: latency, then throughput.
  ["p50", 4, "up"],
  ["p95", 5, "up"],
  ["p50", 6, "down"],
  ["p95", 7, "down"],
];
const LATENCY_P50 = 7;

const STATUSES = ["healthy", "unknown", "degraded", "down"];

const number = (text) => STATUSES.includes(text) ? STATUSES.indexOf(text) : Number(text.replace(/[$%\u2009]/g, ""));
// A precision is sorted by its own name, not by its class.
const word = (text) => (text === "undisclosed" ? "unknown" : text.split(" · ").at(-1));

/** Whether the texts stand in order, behind them the dashes. */
const inOrder = (texts, kind, way) => {
  const known = texts.filter((text) => text !== DASH);
  const dashesLast = texts.slice(0, known.length).every((text) => text !== DASH);
  const compare = (a, b) => way * (kind === "text" ? word(a).localeCompare(word(b)) : number(a) - number(b));
  return dashesLast && known.every((text, index) => index === 0 || compare(known[index - 1], text) <= 0);
};

await scenario(async ({ open }) => {
  await fill();
  const page = await open(`/models/${MODEL}`);
  const table = page.locator("#numbers");
  const original = await cells(table);
  const buttons = table.locator("thead button");
  await buttons.first().waitFor();
  assert.deepEqual((await buttons.allInnerTexts()).map((text) => text.replace(/\s+/g, " ")), COLUMNS.map(([name]) => name));
  await page.getByText("Live.").waitFor();
  await mark(page);

  const sorted = () => table.locator("thead [aria-sort]").evaluateAll((all) => all.map((th) => [th.innerText, th.getAttribute("aria-sort")]));
  for (const [at, [name, column, kind]] of COLUMNS.entries()) {
    const button = buttons.nth(at);
    const first = kind === "down" ? -1 : 1;
    for (const way of [first, -first]) {
      await button.click();
      const texts = (await cells(table)).map((row) => row[column]);
      assert.ok(inOrder(texts, kind, way), `${name} (${column}), ${way}: ${texts}`);
      const [[heading, order], ...others] = await sorted();
      assert.ok(heading.startsWith(name.split(" ")[0]), heading);
      assert.deepEqual([order, others], [way > 0 ? "ascending" : "descending", []]);
    }
    await button.click();
    assert.deepEqual(await cells(table), original, `${name}: the third click restores`);
    assert.deepEqual(await sorted(), []);
  }

  // By latency p50; then the slower one becomes the faster.
  const latency = buttons.nth(LATENCY_P50);
  await latency.click();
  const providers = async () => (await cells(table)).map(([provider]) => provider);
  assert.deepEqual((await providers()).slice(0, 2), ["Swift", "Steady"]);
  await report(times(400, { provider: "steady", ttft_ms: 10 }));
  await eventually("the order by new numbers", async () => {
    assert.deepEqual((await providers()).slice(0, 2), ["Steady", "Swift"]);
  });
  assert.ok(inOrder((await cells(table)).map((row) => row[4]), "up", 1));
  assert.deepEqual((await sorted()).map(([, order]) => order), ["ascending"]);
  assert.ok(await latency.evaluate((button) => button === document.activeElement), "the focus stays");
  // A row keeps its cells together.
  assert.equal((await cells(table))[0][4], await cell(page, "steady/bf16", "latency_p50").innerText());
  assert.ok(await isMarked(page));

  // The same headings where the table is wider than the screen, and some of it scrolled away.
  const narrow = await open(`/models/${MODEL}`, { viewport: { width: 320, height: 700 } });
  const small = narrow.locator("#numbers");
  await small.locator("thead button").first().waitFor();
  for (const [at, [name, column, kind]] of COLUMNS.entries()) {
    // As far to the left as it goes, beneath the column that stays.
    await small.locator("thead button").nth(at).evaluate((button) => {
      const box = button.closest(".scroll");
      box.scrollLeft += button.getBoundingClientRect().left - box.getBoundingClientRect().left;
      button.click();
    });
    const texts = (await cells(small)).map((row) => row[column]);
    assert.ok(inOrder(texts, kind, kind === "down" ? -1 : 1), `${name} (${column}), narrow: ${texts}`);
  }

  // Every other table sorts by the same rules.
  for (const path of ["/", "/providers"]) {
    const other = await open(path);
    const numbers = other.locator("table.numbers");
    const headings = numbers.locator("th[data-sort] button");
    await headings.first().waitFor();
    const own = await cells(numbers);
    for (const heading of await headings.all()) {
      const name = await heading.innerText();
      const kind = await heading.evaluate((button) => button.parentElement.dataset.sort);
      const column = await heading.evaluate((button) => button.parentElement.cellIndex);
      const first = kind === "down" ? -1 : 1;
      for (const way of [first, -first]) {
        await heading.click();
        // The first line, which has the figure.
        const texts = (await cells(numbers)).map((row) => row[column].split(/\n| /)[0]);
        assert.ok(inOrder(texts, kind, way), `${path} ${name}, ${way}: ${texts}`);
      }
      await heading.click();
      assert.deepEqual((await cells(numbers)).map(([name]) => name), own.map(([name]) => name));
    }
  }
});
