"""What is long, opened in the browser: a log of 100,000 lines, a table of 5,000 rows and 200 columns, a comparison of 1,000 iterations."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.benchmarks.page_work import Task, report_tasks, traced_tasks
from tests.notebooks import cell
from tests.ui.conftest import Lab, OpenNotebook
from tests.ui.helpers import command, has_state, kernel_is_idle, log_of, press_run
from tests.ui.test_comparison import recorded_loop
from tests.ui.test_logs import COLUMNS, LONG, ROWS

BAR = 200  #: milliseconds of the processor that a task may take
FRAME = f"import pandas\nframe = pandas.DataFrame({{f'c{{n}}': range({ROWS}) for n in range({COLUMNS})}})"
ITERATIONS = 1_000


def hold(found: dict[str, list[Task]]) -> None:
    for what, tasks in found.items():
        report_tasks(what, tasks, "at most 200 ms")
    assert {what: tasks[0][0] for what, tasks in found.items() if tasks[0][0] > BAR} == {}


def test_a_long_log_and_a_large_table(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    page = open_notebook(cell(f"{LONG}\n{FRAME}", "step:long"), cell("rows = len(frame)", "step:count"))
    press_run(page)
    has_state(page, "count", "succeeded")
    kernel_is_idle(page)
    found = {}
    with traced_tasks(page, tmp_path / "log.json") as found["a log of 100,000 lines is opened"]:
        log = log_of(page, "long")
        expect(log.locator(".kfnb-Log-output img")).to_have_count(2)
        expect(log.locator(".kfnb-Pager-words")).to_have_text("rows 1 to 10 of 5,000")
    with traced_tasks(page, tmp_path / "table.json") as found["its table of 5,000 rows is turned to the last"]:
        log.get_by_role("button", name="The last rows").click()
        expect(log.locator(".kfnb-Pager-words")).to_have_text("rows 4,991 to 5,000 of 5,000")
    with traced_tasks(page, tmp_path / "find.json") as found["a text is found at its top"]:
        log.get_by_role("searchbox", name="Find in the log").fill("needle at the top")
        expect(log.locator(".kfnb-LogFind-count")).to_have_text("1 of 1")
        expect(log.locator(".kfnb-mod-current")).to_be_in_viewport()
    with traced_tasks(page, tmp_path / "value.json") as found["a value of 5,000 rows and 200 columns is opened"]:
        log.get_by_role("button", name="frame").click()
        expect(log.locator(".kfnb-Value-table")).to_be_visible()
    with traced_tasks(page, tmp_path / "rows.json") as found["its last rows"]:
        value = log.locator(".kfnb-Values")
        value.get_by_role("button", name="The last rows").click()
        expect(value.locator("tbody th", has_text=re.compile("^4999$"))).to_be_visible()
    hold(found)


def test_two_runs_of_a_long_loop_are_compared(lab: Lab, open_notebook: OpenNotebook, tmp_path: Path) -> None:
    runs = [recorded_loop(lab, ITERATIONS, shift) for shift in (0, 1)]
    page = open_notebook(cell("1"))
    kernel_is_idle(page)
    shown = page.locator(".kfnb-Comparison")
    found = {}
    with traced_tasks(page, tmp_path / "opened.json") as found["a comparison of 1,000 iterations is opened"]:
        command(page, "kfnb:compare-runs", runs=runs)
        row = shown.locator('[data-part="outputs"]').get_by_role("button", expanded=False)
        expect(row).to_have_text("▸ 500 of 1000 iterations differ")
    with traced_tasks(page, tmp_path / "all.json") as found["all of them are shown"]:
        row.press("Enter")
        rest = shown.get_by_role("button", name=re.compile("^Show .*more"))
        for left in (400, 300, 200, 100):
            expect(rest).to_have_text(f"Show more of {left} iterations")
            rest.press("Enter")
        expect(shown.locator('[data-part="outputs"] tr')).to_have_count(502)
    hold(found)
