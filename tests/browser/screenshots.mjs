// The pages of the demo as pictures: `screenshots.mjs {"server": "http://…", "folder": "docs/images"}`.

import { writeFile } from "node:fs/promises";
import { assert, eventually, scenario, world } from "./harness.mjs";
import { palette } from "./png.mjs";

const MODEL = "meta-llama/llama-4-scout";
const BYTES_MAX = 150_000;

const take = async (name, theme, options) => {
  const { of, ...rest } = options;
  const picture = palette(await of.screenshot({ animations: "disabled", caret: "hide", ...rest }));
  assert.ok(picture.length <= BYTES_MAX, `${name}-${theme}: ${picture.length} bytes`);
  const file = `${world.folder}/${name}-${theme}.png`;
  await writeFile(file, picture);
  console.error(`${file}: ${picture.length} bytes`);
};

await scenario(async ({ open }) => {
  for (const theme of ["light", "dark"]) {
    const options = { colorScheme: theme, viewport: { width: 1280, height: 720 }, reducedMotion: "reduce" };
    const page = await open(`/models/${MODEL}`, options);
    await page.getByText("Live.").waitFor();
    await page.locator(".chart canvas").waitFor();
    await eventually("all numbers of the past", async () => {
      await page.reload();
      assert.match(await page.locator("#fastest-figure").innerText(), /tok\/s/);
      assert.match(await page.locator("svg.strip .good").first().getAttribute("d"), /^M1\.5 /);
      await page.locator(".chart-said").getByText("over 30 min").waitFor();
    });
    await take("model", theme, { of: page, fullPage: true });
    await page.locator("details[data-details] summary").nth(1).click();
    const { x, y, width, height } = await page.locator("section[aria-labelledby=details]").boundingBox();
    const top = await page.evaluate(() => scrollY);
    const clip = { x: x - 16, y: y + top - 16, width: width + 32, height: height + 32 };
    await take("detail", theme, { of: page, fullPage: true, clip });
    await take("overview", theme, { of: await open("/", { ...options, viewport: { width: 1280, height: 480 } }) });
  }
});
