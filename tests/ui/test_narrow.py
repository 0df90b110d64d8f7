"""A narrow window, and one that is zoomed: what a user needs is in sight and uncovered, and no panel scrolls sideways."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import badge, command, log_of, panel, press_run, screenshot, set_theme

pytestmark = pytest.mark.slow

LONG = "rows = [" + ", ".join(f"{n} * {n}" for n in range(80)) + "]"
CELLS = (
    cell("depth: int = 3\nname = 'a long name of an oak tree in the wood'", "parameters"),
    cell(f"{LONG}\nprint('made', name, depth)", "step:prepare_the_rows_of_the_table"),
    cell(
        "best = [row for row in rows if row > depth]\nprint(best)", "step:choose", "foreach:row in rows[:2]", "retry:2"
    ),
)
#: A window of 700 pixels, and one of 1400 by 900 at 200 %: the page's pixels grow, so that fewer are in it.
SIZES = {"700": (700, 900), "200%": (700, 450)}
THEMES = {"700": "JupyterLab Light", "200%": "JupyterLab Dark High Contrast"}
#: Why a control cannot be used where it stands: a part of it is outside the window, or something lies over it or cuts it off.
IN_SIGHT = """node => {
    const { left, right, top, bottom, width } = node.getBoundingClientRect();
    if (!width || left < 0 || right > innerWidth + 1 || top < 0 || bottom > innerHeight + 1) {
        return `it is at ${[left, top, right, bottom].map(Math.round)}`;
    }
    const covers = [left + 3, (left + right) / 2, right - 3]
        .map(x => document.elementFromPoint(x, (top + bottom) / 2))
        .find(at => !node.contains(at) && !at?.shadowRoot?.contains(node));
    return covers ? `${covers.tagName} ${covers.className} lies over it` : '';
}"""
SIDEWAYS = "node => node.scrollWidth - node.clientWidth"


def in_sight(what: str, *controls: Locator) -> None:
    for number, control in enumerate(controls):
        control.scroll_into_view_if_needed()
        assert control.evaluate(IN_SIGHT) == "", (what, number)


def scrolls_only_down(what: str, part: Locator) -> None:
    assert part.evaluate(SIDEWAYS) <= 1, what


def notebook_fits(page: Page, size: str) -> None:
    """The run button, badges, logs, menus and the mark button of a cell with a long line."""
    toolbar = page.locator(".jp-NotebookPanel-toolbar")
    run = toolbar.locator('[data-jp-item-name="kfnb-run"] jp-button')
    if not run.is_visible():  # JupyterLab has put it behind the button at the toolbar's end
        toolbar.locator(".jp-Toolbar-responsive-opener jp-button").click()
        run = page.locator('[data-jp-item-name="kfnb-run"] jp-button')
    in_sight(size, run)
    page.keyboard.press("Escape")
    row = badge(page, "prepare_the_rows_of_the_table")
    in_sight(size, *row.get_by_role("button").all(), row.locator(".kfnb-Badge-name"), row.locator(".kfnb-Badge-state"))
    row.locator(".kfnb-Badge-name").click()
    mark = page.locator('.jp-mod-active [data-jp-item-name="kfnb-mark"] jp-button')
    in_sight(size, mark)
    mark.click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    page.keyboard.press("ArrowUp")  # to the last item, for which a long menu scrolls
    in_sight(size, menu.locator(".lm-mod-active"))
    page.keyboard.press("Escape")
    log = log_of(page, "prepare_the_rows_of_the_table")
    expect(log).to_contain_text("made")
    in_sight(size, *log.locator(".kfnb-Log-head").get_by_role("button").all(), log.get_by_role("searchbox"))
    scrolls_only_down(size, log)
    screenshot(page, f"narrow-notebook-{size}")
    log.get_by_role("button", name="Close the log").click()


def side_bar_fits(page: Page, size: str) -> None:
    side = panel(page)
    expect(side.locator(".kfnb-Runs tbody tr")).to_have_count(1)
    in_sight(
        size, *(side.get_by_role("button", name=name, exact=True) for name in ("Run", "Run with…", "Open its page"))
    )
    in_sight(
        size, side.get_by_label("depth"), side.locator(".kfnb-Runs-show"), side.locator(".kfnb-Section summary").last
    )
    scrolls_only_down(size, side)
    side.get_by_role("button", name="Run with…").click()
    dialog = page.get_by_role("dialog", name="Run the pipeline with…")
    expect(dialog.get_by_text("ready: this machine")).to_be_visible()
    in_sight(size, dialog.get_by_label("Experiment"), dialog.get_by_label("name", exact=True))
    in_sight(size, *dialog.locator(".jp-Dialog-footer button").all())
    screenshot(page, f"narrow-submit-{size}")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    command(page, "application:toggle-right-area")


def pages_fit(page: Page, size: str) -> None:
    """All Runs, the page of a run, and schedules."""
    command(page, "kfnb:all-runs")
    runs = page.locator(".kfnb-AllRuns")
    expect(runs.locator("tbody tr")).not_to_have_count(0)
    in_sight(size, runs.get_by_label("Text"), runs.get_by_label("State"), runs.get_by_label("To", exact=True))
    in_sight(size, runs.get_by_role("button", name="Next"), runs.locator(".kfnb-AllRuns-open").first)
    scrolls_only_down(size, runs)
    command(page, "kfnb:open-run")
    run = page.locator(".kfnb-RunPage")
    run.locator(".kfnb-Timing-name", has_text="for each of rows[:2]").first.click()
    log = run.get_by_role("region", name="Log of step for each of rows[:2]")
    expect(log.locator(".kfnb-Log-title")).to_have_text("Log of for each of rows[:2]")
    run.locator(".kfnb-Timing-name", has_text="choose").first.click()
    in_sight(size, *(run.get_by_role("button", name=re.compile(f"^{name}")) for name in ("Retry from", "Copy Link")))
    in_sight(size, run.get_by_label("Find a step"), run.get_by_role("button", name="Close the log"))
    scrolls_only_down(size, run)
    screenshot(page, f"narrow-run-page-{size}")
    command(page, "kfnb:open-schedules")
    schedules = page.locator("#kfnb-schedules")
    in_sight(size, *(schedules.get_by_role("button", name=name) for name in ("New Schedule…", "Refresh")))
    schedules.get_by_role("button", name="New Schedule…").click()
    form = schedules.get_by_role("form")
    in_sight(size, form.get_by_label("Cron expression"), form.get_by_label("depth"))
    in_sight(size, *(form.get_by_role("button", name=name) for name in ("Make the Schedule", "Cancel")))
    scrolls_only_down(size, schedules)
    form.get_by_role("button", name="Cancel").click()


def test_everything_is_reachable_in_a_narrow_window_and_with_zoom(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*CELLS)
    press_run(page)
    expect(page.locator('.kfnb-Badge-chip[data-state="succeeded"]', has_text="choose")).to_be_visible()
    command(page, "application:toggle-left-area")
    notebook = page.evaluate("window.jupyterapp.shell.currentWidget.id")
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        set_theme(page, THEMES[size])
        page.evaluate("id => window.jupyterapp.shell.activateById(id)", notebook)
        notebook_fits(page, size)
        side_bar_fits(page, size)
        pages_fit(page, size)
    set_theme(page, "JupyterLab Light")
