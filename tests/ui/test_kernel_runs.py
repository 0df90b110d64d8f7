"""Runs that a cell begins, not the button: they show on the cells as well."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.notebooks import cell
from tests.ui.conftest import Gates, Lab, OpenFile, OpenNotebook, wait_until
from tests.ui.helpers import has_state, in_notebook, kernel_is_idle, panel, press_run
from tests.ui.test_world import run_cell, two_steps

pytestmark = pytest.mark.slow


def test_a_run_that_a_cell_waits_for_is_live_on_the_cells(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*two_steps(gates), cell("%load_ext kfnb\nrun = %pipeline run --wait\nrun['first']['last']"))
    kernel_is_idle(page)
    run_cell(page, "run = ")
    has_state(page, "first", "running")
    expect(page.locator(".jp-Cell").last.locator(".jp-InputPrompt")).to_have_text("[*]:")
    gates.open("one")
    has_state(page, "second", "running")
    gates.open("two")
    has_state(page, "second", "succeeded")
    expect(page.locator(".jp-OutputArea-executeResult")).to_contain_text("199")
    expect(panel(page).locator(".kfnb-Runs")).to_contain_text("succeeded")


SCRIPT = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["step:make"]
rows = [1, 2, 3]

# %%
# %%component divide
total = sum(rows)
print(total / 0)

# %%
%load_ext kfnb
run = %pipeline run
"""


def marked_line(page: Page) -> tuple[int, str]:
    """The active cell, and the text that is selected in it, when the message of the failed step leads there."""
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_function("getSelection().toString() !== ''")
    cell, text = in_notebook(page, "p => [p.content.activeCellIndex, getSelection().toString()]")
    return cell, text


def test_a_script_that_is_open_as_a_notebook_fails_at_the_same_line_from_its_cells_and_from_its_file(
    lab: Lab, open_file: OpenFile
) -> None:
    def answered_when_all_have_failed(route: Route) -> None:
        def have_failed() -> bool:
            runs = lab.ask("GET", "kfnb/api/v1/runs?notebook=script.py")["runs"]
            return [run["state"] for run in runs] == ["failed", "failed"]

        wait_until(have_failed, "the cell's run does not fail")
        route.continue_()

    path = lab.root / "script.py"
    path.write_text(SCRIPT)
    page = open_file(path, factory="Notebook")
    press_run(page)
    has_state(page, "divide", "failed")
    message = page.locator(".Toastify__toast")
    expect(message).to_contain_text("(cell 2, line 3)")
    assert marked_line(page) == (1, "print(total / 0)")
    expect(message).to_have_count(0)
    kernel_is_idle(page)
    page.route(
        "**/kfnb/api/v1/runs?notebook=*", answered_when_all_have_failed
    )  # the page hears of the run after its end
    run_cell(page, "%load_ext")
    expect(message).to_contain_text("(cell 2, line 15 of the file)")
    assert marked_line(page) == (1, "print(total / 0)")
