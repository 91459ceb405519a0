// axe: WCAG 2.2 A and AA, and what it calls best practice.

import { readFileSync } from "node:fs";
import { assert, modules } from "./harness.mjs";

const AXE = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What it has to say of a page as it stands, a line each. */
export const violations = async (page) => {
  await page.evaluate(AXE);
  const found = await page.evaluate(async (values) => {
    const { violations, passes } = await globalThis.axe.run(document, { runOnly: { type: "tag", values } });
    return { violations: violations.map(({ id, help, nodes }) => [id, help, nodes.map(({ html }) => html.slice(0, 200))]), passed: passes.length };
  }, RULES);
  assert.ok(found.passed > 10, "it has looked");
  return found.violations;
};
