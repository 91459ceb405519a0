// axe finds nothing on any page, light or dark, wide or narrow.

import { violations } from "./axe.mjs";
import { MODEL, assert, fill, scenario } from "./harness.mjs";

const PAGES = [
  ["/", async () => {}],
  ["/?q=nothing", async () => {}],
  ["/providers", async () => {}],
  ["/operations", async () => {}],
  [`/models/${MODEL}`, async (page) => page.locator(".chart canvas").waitFor()],
  [
    `/models/${MODEL}?region=us-west-2`,
    async (page) => {
      await page.locator(".chart canvas").waitFor();
      for (const details of await page.locator("details").all()) await details.locator("summary").click();
      await page.locator("thead button").first().click();
    },
  ],
  ["/models/example/none", async () => {}],
  ["/models/another/model", async () => {}],
];

await scenario(async ({ open }) => {
  await fill();
  const all = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 320]) {
      for (const [path, ready] of PAGES) {
        // Nothing half faded in when it looks.
        const page = await open(path, { colorScheme, viewport: { width, height: 900 }, reducedMotion: "reduce", allowed: [/status of 404/] });
        await ready(page);
        const found = await violations(page);
        if (found.length > 0) all.push([`${path}, ${colorScheme}, ${width} px`, ...found]);
        await page.context().close();
      }
    }
  }
  assert.deepEqual(all, []);
});
