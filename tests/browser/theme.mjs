// Light, dark, or as the system has it: by a button, kept, and there before the first paint.

import { assert, eventually, scenario } from "./harness.mjs";

const LIGHT = "rgb(251, 251, 250)";
const DARK = "rgb(20, 24, 30)";

await scenario(async ({ open }) => {
  for (const [system, other, ground] of [["light", "dark", LIGHT], ["dark", "light", DARK]]) {
    const page = await open("/", { colorScheme: system });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const button = page.getByRole("button", { name: /^Theme/ });
    const theme = async () => [await button.innerText(), await background()];
    assert.deepEqual(await theme(), ["Theme: system", ground]);
    for (const [name, colour] of [["light", LIGHT], ["dark", DARK], ["system", ground]]) {
      await button.click();
      assert.deepEqual(await theme(), [`Theme: ${name}`, colour]);
    }
    // As the system changes, so does the page.
    await page.emulateMedia({ colorScheme: other });
    await eventually("the system's colours", async () => assert.notEqual(await background(), ground));
    await page.emulateMedia({ colorScheme: system });

    // What was chosen stays, here and on other pages, from before anything is painted.
    await button.click();
    if (other === "dark") await button.click();
    const chosen = [`Theme: ${other}`, other === "dark" ? DARK : LIGHT];
    await page.addInitScript(() => {
      const note = () => {
        if (document.body && window.atFirst === undefined) window.atFirst = document.documentElement.dataset.theme ?? "none";
      };
      new MutationObserver(note).observe(document, { childList: true, subtree: true });
    });
    for (const go of [() => page.reload(), () => page.goto(new URL("/providers", page.url()).href)]) {
      await go();
      assert.deepEqual(await theme(), chosen);
      assert.equal(await page.evaluate(() => window.atFirst), other, "when there was a body");
    }
  }
});
