"""By keyboard alone: a cell is made a step, run, looked into and run again; what has the focus keeps it or gives it back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import MANY_TABS, badge, has_state, kernel_is_idle, palette, press, screenshot, tab_to

pytestmark = pytest.mark.slow


def test_a_pipeline_is_made_run_and_looked_into_by_keyboard(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("rows = [1, 2]\nprint('made')"), cell("print(rows)", "step:show"))
    kernel_is_idle(page)
    press(page, "Escape")
    palette(page, "Make This Cell a Step")
    step = page.locator(".kfnb-Badge:visible .kfnb-Badge-name").first
    expect(step).to_be_visible()
    name = step.inner_text()

    # the menu of the badge begins at its first item, and gives the focus back
    more = badge(page, name).get_by_role("button", name="More for this step")
    tab_to(page, more)
    press(page, "Enter")
    menu = page.get_by_role("menu")
    expect(menu.locator(".lm-mod-active")).to_have_count(1)
    press(page, "ArrowDown", "Escape")
    expect(menu).to_have_count(0)
    expect(more).to_be_focused()

    # the log: opened, searched, left
    press(page, "Control+Alt+Enter")
    has_state(page, "show", "succeeded")
    expect(more).to_be_focused()  # the badge was drawn anew with each change of the run
    opener = badge(page, name).get_by_role("button", name="Show the log of this step")
    tab_to(page, opener, "Shift+Tab")
    press(page, "Enter")
    log = page.get_by_role("region", name=f"Log of step {name}")
    expect(log).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "true")
    press(page, "d", "d", "x")  # these keys are commands for cells, and not meant for them here
    tab_to(page, log.get_by_role("searchbox"))
    page.keyboard.type("made")
    expect(log.locator(".kfnb-LogFind-count")).to_have_text("1 of 1")
    tab_to(page, log.get_by_role("button", name="Close the log"))
    press(page, "Enter")
    expect(log).to_have_count(0)
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)

    # the side bar keeps the focus while a run redraws it, and when a run is deleted
    palette(page, "Show Pipeline")
    side = page.locator("#kfnb-panel")
    expect(side.locator(".kfnb-Panel-body")).to_be_focused()
    run = side.get_by_role("button", name="Run", exact=True)
    tab_to(page, run)
    press(page, "Enter")
    runs = side.locator(".kfnb-Runs tbody tr")
    expect(runs).to_have_count(2)
    expect(side.get_by_role("status")).to_contain_text("succeeded")
    expect(run).to_be_focused()
    tab_to(page, side.locator(".kfnb-Runs-show").last)
    press(page, "Enter")
    expect(side.locator(".kfnb-Runs-show").last).to_have_attribute("aria-pressed", "true")
    tab_to(page, side.get_by_role("button", name="Delete…"))
    press(page, "Enter")
    dialog = page.get_by_role("dialog")
    tab_to(page, dialog.get_by_role("button", name="Delete"))
    screenshot(page, "keyboard-dialog")
    press(page, "Enter")
    expect(runs).to_have_count(1)
    assert side.evaluate("node => node.contains(document.activeElement)"), "the focus was lost with the button"
    box = side.locator(f'.kfnb-Dag-box[data-step="{name}"]')
    for _ in range(MANY_TABS):
        press(page, "Shift+Tab")
        if box.evaluate("node => node === document.activeElement"):
            break
    press(page, "Enter")
    expect(page.locator(".jp-Notebook .jp-Cell.jp-mod-active")).to_contain_text("rows = [1, 2]")

    # pages take the focus, and the menu of marks gives it back to the cell
    palette(page, "All Runs")
    expect(page.locator(".kfnb-AllRuns").get_by_label("Text")).to_be_focused()
    press(page, "ControlOrMeta+Shift+[")
    palette(page, "Mark This Cell")
    expect(menu).to_be_visible()
    press(page, "Escape")
    expect(page.locator(".jp-Notebook :focus, .jp-Notebook.lm-mod-focus, .jp-Cell:focus").first).to_be_visible()
    expect(badge(page, re.escape(name))).to_be_visible()
