"""What the page says while the server is silent, and while steps wait."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import Gates, Lab, OpenNotebook
from tests.ui.helpers import has_state, kernel_is_idle, log_of, panel, press_run
from tests.ui.test_runs import PLAIN
from tests.ui.test_world import OURS, dismisses_the_dialog

pytestmark = pytest.mark.slow


def test_a_run_that_no_server_begins_changes_nothing_and_can_be_begun_later(
    own_lab: Lab, open_notebook: OpenNotebook
) -> None:
    """JupyterLab fetches what shows a message from the server when the first is to be shown: without one, none is seen."""
    page = open_notebook(*PLAIN, on=own_lab)
    kernel_is_idle(page)
    dismisses_the_dialog(page)
    side = panel(page)
    run = side.get_by_role("button", name="Run", exact=True)
    run.click()
    has_state(page, "sum", "succeeded")
    expect(run).to_be_enabled()  # the page has heard that the run has ended, too
    own_lab.stop()
    with page.expect_event("requestfailed", lambda request: OURS in request.url and request.method == "POST"):
        run.click()
    silence = side.get_by_role("alert")
    expect(silence).to_contain_text("The server does not answer", timeout=5_000)
    expect(run).to_be_enabled()
    has_state(page, "sum", "succeeded")  # of the run before, which is shown again
    page.locator(".jp-Cell .cm-line", has_text="rows = list").click()
    page.keyboard.type("# ")
    expect(silence).to_contain_text("The server does not answer")
    page.keyboard.press("Control+z")
    own_lab.start()
    expect(silence).to_have_count(0, timeout=15_000)
    side.get_by_label("limit").fill("5")
    run.click()
    expect(log_of(page, "sum")).to_contain_text("total 10")


def test_steps_that_wait_for_others_stay_pending(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(cell(f"{gates.code('gate')}\nx = 1", "step:first"), cell("print(x)", "step:second"))
    press_run(page)
    gates.reached("gate")
    has_state(page, "first", "running")
    expect(page.locator('.kfnb-Badge[data-state="pending"]')).to_have_count(1, timeout=5_000)
