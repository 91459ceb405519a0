// A server of partitions that nobody owns: no page shows a number, and each says why.

import { violations } from "./axe.mjs";
import { DASH, assert, eventually, scenario, world } from "./harness.mjs";

const MODEL = "meta-llama/llama-4-scout";
const PATHS = ["/", `/models/${MODEL}`, "/providers", "/operations"];

await scenario(async ({ open }) => {
  await eventually("a server that has its engines", async () => {
    const answer = await fetch(new URL("/", world.server));
    assert.match(answer.headers.get("content-type"), /^text\/html/);
    assert.equal(answer.status, 200);
  });
  for (const path of PATHS) {
    for (const [colorScheme, width] of [["light", 1280], ["dark", 320]]) {
      const page = await open(path, { colorScheme, viewport: { width, height: 640 } });
      const why = page.locator("#partial", { hasText: "not being renewed" });
      assert.ok(await why.isVisible(), path);
      assert.equal(await page.evaluate(() => document.scrollingElement.scrollWidth), width, path);
      assert.deepEqual(await violations(page), [], path);
      const measured = await page.locator("#numbers [data-cell]").allInnerTexts();
      assert.equal(measured.length > 0, path.endsWith(MODEL));
      assert.deepEqual(measured.filter((text) => text !== DASH), [], path);
    }
  }
});
