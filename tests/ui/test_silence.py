"""What the page says while the server is silent, and while steps wait."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import Gates, Lab, OpenNotebook
from tests.ui.helpers import has_state, kernel_is_idle, panel, press_run
from tests.ui.test_runs import PLAIN
from tests.ui.test_world import OURS, dismisses_the_dialog

pytestmark = pytest.mark.slow


def test_a_run_that_no_server_begins_is_told_where_it_was_asked_for(own_lab: Lab, open_notebook: OpenNotebook) -> None:
    """JupyterLab fetches what shows a message from the server when the first is to be shown: without one, none is seen."""
    page = open_notebook(*PLAIN, on=own_lab)
    kernel_is_idle(page)
    dismisses_the_dialog(page)
    side = panel(page)
    press_run(page)
    has_state(page, "sum", "succeeded")
    own_lab.stop()
    with page.expect_event("requestfailed", lambda request: OURS in request.url and request.method == "POST"):
        side.get_by_role("button", name="Run", exact=True).click()
    expect(side.get_by_role("alert")).to_contain_text("The server does not answer", timeout=5_000)


def test_a_server_that_answers_again_is_not_said_to_be_silent(own_lab: Lab, open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN, on=own_lab)
    kernel_is_idle(page)
    dismisses_the_dialog(page)
    side = panel(page)
    own_lab.stop()
    page.locator(".jp-Cell .cm-line", has_text="rows = list").click()
    page.keyboard.type("# ")
    expect(side.get_by_role("alert")).to_contain_text("The server does not answer")
    own_lab.start()
    expect(side.get_by_role("alert")).to_have_count(0, timeout=15_000)


def test_steps_that_wait_for_others_stay_pending(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(cell(f"{gates.code('gate')}\nx = 1", "step:first"), cell("print(x)", "step:second"))
    press_run(page)
    gates.reached("gate")
    has_state(page, "first", "running")
    expect(page.locator('.kfnb-Badge[data-state="pending"]')).to_have_count(1, timeout=5_000)
