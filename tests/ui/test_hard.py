"""What must not harm: hostile notebooks, many steps; and who cannot see or use a mouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import badge, has_state, in_notebook, panel, press_run, screenshot, set_theme
from tests.ui.test_runs import FAILS, PLAIN

pytestmark = pytest.mark.slow

AXE = Path(__file__).parents[2] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"
SCRIPT = "<img src=x onerror='window.harmed = true'><script>window.harmed = true</script>"


def violations(page: Page, *selectors: str, rules: tuple[str, ...] = ()) -> list[str]:
    """What axe finds wrong inside these parts of the page, by some of its rules or by all."""
    if page.evaluate("!window.axe"):
        page.add_script_tag(path=AXE)
    found: list[dict[str, Any]] = page.evaluate(
        """async ([selectors, rules]) => (await axe.run(
            { include: selectors.map(s => [s]) }, { resultTypes: ['violations'], ...(rules.length && { runOnly: rules }) }
        )).violations""",
        [selectors, rules],
    )
    return [f"{v['id']}: {v['help']}: {[n['html'][:150] for n in v['nodes'][:3]]}" for v in found]


def test_axe_finds_nothing_in_any_theme(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*FAILS)
    panel(page)
    press_run(page)
    has_state(page, "divide", "failed")
    badge(page, "divide").get_by_role("button", name="Show the log of this step").click()
    expect(page.locator(".kfnb-Log-body")).to_contain_text("ZeroDivisionError")
    for theme in ("Light", "Dark", "Dark High Contrast"):
        set_theme(page, f"JupyterLab {theme}")
        assert violations(page, "#kfnb-panel", ".kfnb-Badge:not(.lm-mod-hidden)", ".kfnb-Log") == [], theme


def test_the_graph_is_walked_with_the_keyboard(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN)
    side = panel(page)
    box = side.locator('.kfnb-Dag-box[data-step="sum"]')
    box.focus()
    before = box.bounding_box() or {"width": 0.0}
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert (box.bounding_box() or {"width": 0.0})["width"] > 1.2 * before["width"]
    page.keyboard.press("0")
    # the notebook is edited: the graph is drawn anew, and the focus stays
    in_notebook(page, "panel => panel.content.widgets[1].model.setMetadata('tags', ['step:begin'])")
    expect(side.locator('.kfnb-Dag-box[data-step="begin"]')).to_be_visible()
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("window.jupyterapp.shell.currentWidget.content.activeCellIndex === 2")


def test_a_hostile_notebook_harms_nothing(open_notebook: OpenNotebook) -> None:
    page = open_notebook(
        cell(f"print({SCRIPT!r})\nprint('\\x1b[31m' * 3000 + 'end')\nx = {SCRIPT!r}", "step:print"),
        cell("y = x", f"step:{SCRIPT}", *(f"tag-{n}" for n in range(2_000))),
        cell("z = x", "step:read", f'when:x == "{SCRIPT}"'),
    )
    side = panel(page)
    press_run(page)
    expect(side.locator(".kfnb-Problems")).to_be_visible()
    in_notebook(page, "panel => panel.content.widgets[1].model.setMetadata('tags', [])")
    expect(side.locator(".kfnb-Dag-box")).to_have_count(2)
    press_run(page)
    has_state(page, "print", "succeeded")
    badge(page, "print").get_by_role("button", name="Show the log of this step").click()
    log = page.locator(".kfnb-Log-body")
    expect(log).to_contain_text("onerror")
    expect(log).to_contain_text("end")
    assert page.evaluate("window.harmed === undefined")


def test_cells_by_the_hundred_and_steps_by_the_hundred(open_notebook: OpenNotebook) -> None:
    """200 steps go live, and nothing of ours holds the page up."""
    page = open_notebook(*(cell(f"v{n} = {n}", f"step:s{n}") for n in range(200)))
    panel(page)
    page.evaluate(
        """() => {
            window.longest = [];
            new PerformanceObserver(list => window.longest.push(...list.getEntries().map(e => e.duration)))
                .observe({ type: 'longtask' });
        }"""
    )
    press_run(page)
    expect(page.locator("#kfnb-panel").get_by_role("status")).to_contain_text("succeeded", timeout=120_000)
    expect(page.locator('.kfnb-Dag-box[data-state="succeeded"]')).to_have_count(200)
    side = page.locator("#kfnb-panel")
    screenshot(page, "side-bar-200")
    side.get_by_label("Find a step").fill("s150")
    expect(side.locator(".kfnb-Canvas-count")).to_have_text("1 of 1")
    expect(side.locator(".kfnb-mod-found .kfnb-Dag-name")).to_be_visible()  # moved to, and large enough to be read
    expect(side.locator(".kfnb-Minimap")).to_be_visible()
    print("long tasks in ms:", json.dumps(page.evaluate("window.longest")))
