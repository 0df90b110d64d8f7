"""The words of the pages: in another language, and in the palette; and what is told of runs beside the notebook."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.notebooks import cell
from tests.ui.conftest import Gates, Lab, OpenNotebook, Settings
from tests.ui.helpers import badge, command, has_state, log_of, panel, press_run, screenshot, set_theme
from tests.ui.test_runs import PLAIN

pytestmark = pytest.mark.slow
LINES, KEPT = 12_000, 4_000  # of a log: that are printed, and that the page may hold
#: The page believes that the user looks at another one, and keeps what the browser has shown of its notifications.
IN_BACKGROUND = """() => {
    window.kfnbShown = [];
    window.Notification = class extends window.Notification {
        constructor(title, options) {
            super(title, options);
            this.addEventListener('show', () => window.kfnbShown.push(options.body));
        }
    };
    Object.defineProperty(document, 'hidden', { get: () => true, configurable: true });
}"""


def test_the_pages_are_in_korean(lab: Lab, open_notebook: OpenNotebook, settings: Settings) -> None:
    settings("@jupyterlab/translation-extension:plugin", locale="ko_KR")
    page = open_notebook(*PLAIN, cell("a = 1", "step:more", "when:total >"))
    side = panel(page)
    problem = side.locator(".kfnb-Problems li")
    expect(problem.locator(".kfnb-Problem-kind")).to_have_text("조건을 해석할 수 없습니다.")
    expect(problem).to_contain_text("total >")  # the message itself is in English
    screenshot(page, "korean-problem")
    page.locator(".jp-Cell", has_text="a = 1").click()
    page.evaluate("window.jupyterapp.commands.execute('notebook:delete-cell')")
    expect(problem).to_have_count(0)
    press_run(page)
    has_state(page, "sum", "succeeded")
    expect(badge(page, "sum")).to_contain_text("성공")
    expect(side.get_by_role("status")).to_contain_text("실행 성공")
    expect(side.get_by_role("button", name="실행", exact=True)).to_be_enabled()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        set_theme(page, theme)
        screenshot(page, f"korean-{theme.split()[-1].lower()}")


def test_every_command_is_in_the_palette_and_runs_are_told_of(
    open_notebook: OpenNotebook, settings: Settings, gates: Gates
) -> None:
    settings("kfnb:preferences", notifyAfter=0, browserNotifications=True, logLines=KEPT)
    lines = f"\nfor n in range({LINES}): print('line', n)"
    page = open_notebook(cell(gates.code("gate") + lines, "step:only"))
    page.context.grant_permissions(["notifications"])
    page.evaluate(IN_BACKGROUND)
    press_run(page)
    gates.reached("gate")
    running = page.get_by_role("button", name="1 pipeline runs")
    expect(running).to_be_visible()
    screenshot(page, "status-bar")
    running.click()
    expect(page.locator("#kfnb-panel")).to_be_visible()
    log = log_of(page, "only")  # opened before the lines come
    gates.open("gate")
    expect(page.get_by_role("alert").filter(has_text="succeeded (")).to_be_visible()
    page.wait_for_function("window.kfnbShown.some(text => text.includes('succeeded ('))")  # the browser has shown it
    page.evaluate("() => delete document.hidden")
    page.context.clear_permissions()
    screenshot(page, "run-succeeded")
    expect(running).to_have_count(0)
    command(page, "apputils:activate-command-palette")
    ours = page.evaluate("window.jupyterapp.commands.listCommands().filter(name => name.startsWith('kfnb:'))")
    items = page.locator(".lm-CommandPalette-item[data-command]")
    expect(items).not_to_have_count(0)
    shown = items.evaluate_all("items => items.map(item => item.dataset.command)")
    assert set(ours) - set(shown) == {"kfnb:run-or-stop"}  # the toolbar's button, whose two commands are there
    page.keyboard.press("Escape")
    holds_as_many_lines_as_the_user_wants(log)


def holds_as_many_lines_as_the_user_wants(log: Locator) -> None:
    """Lines that came while the log was open, and lines that were loaded afterwards; what is left out is said, and found."""
    above, below = (log.get_by_role("button", name=re.compile(rf"^\d+ lines {where}$")) for where in ("above", "below"))

    def left_out() -> tuple[int, int]:
        first, last = (int(one.inner_text().split()[0]) if one.is_visible() else 0 for one in (above, below))
        return first, last

    expect(log.locator(".kfnb-LogWindow")).to_contain_text(f"line {LINES - 1}")
    first, last = left_out()
    assert (LINES - KEPT <= first < LINES) and last == 0
    for _ in range(2):
        before = above.inner_text()
        above.click()
        expect(above).not_to_have_text(before)
    first, last = left_out()
    assert last > 0 and LINES - KEPT <= first + last < LINES
    find = log.get_by_role("searchbox", name="Find in the log")
    for text in ("line 7", f"line {LINES - 1}"):
        find.fill(text)
        expect(log.locator(".kfnb-mod-current")).to_contain_text(text)
    find.fill("line")
    expect(log.locator(".kfnb-LogFind-count")).to_have_text(re.compile(f" of {LINES}$"))
