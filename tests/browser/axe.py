"""What axe-core finds wrong with a page for people who can't see it well, or not at all."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import Page

_COLOURS = ["color-contrast", "link-in-text-block"]
"""What another colour scheme may make wrong."""
_RUN = """async (rules) => {
  const only = rules.length ? {runOnly: {type: "rule", values: rules}} : {};
  const found = await axe.run(document, {resultTypes: ["violations"], ...only});
  const bad = found.violations.filter((one) => ["serious", "critical"].includes(one.impact));
  const why = (node) => (node.any[0] || node.all[0] || node.none[0] || {}).message;
  const line = (one, node) => `${one.id} (${one.impact}): ${node.target.join(" ")}: ${why(node)}`;
  return bad.flatMap((one) => one.nodes.map((node) => line(one, node)));
}"""


async def faults(page: Page, *, colours_only: bool = False) -> list[str]:
    """The serious and critical faults, one line each.

    The script comes by the debugger, whom no Content-Security-Policy holds back: the page's own stays on.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE_SCRIPT)
    lines: list[str] = await page.evaluate(_RUN, _COLOURS if colours_only else [])
    return lines


async def overflow(page: Page) -> list[str]:
    """What makes the page wider than its window: its width first, then the widest elements."""
    found: list[str] = await page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= width) return [];
          const wide = [...document.querySelectorAll("body *")].filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width && box.right > width + 1;
          });
          const names = wide.map((one) => `${one.tagName.toLowerCase()}.${one.className}`);
          return [`${document.documentElement.scrollWidth} > ${width}`, ...names.slice(0, 8)];
        }"""
    )
    return found
