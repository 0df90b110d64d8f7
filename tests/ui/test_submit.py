"""The form that starts a run: what the user gives it, what it says before, and what it remembers."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import has_state, panel, screenshot, set_theme
from tests.ui.test_hard import violations
from tests.ui.test_marks import tags

pytestmark = pytest.mark.slow

CELLS = (
    cell("depth: int = 3\nname = 'oak'", "parameters"),
    cell("leaves = 2**depth\nprint(name, leaves)", "step:grow", "cpu:1", "retry:2"),
    cell("print(leaves)", "step:count"),
)


def test_a_run_is_started_from_the_form_which_remembers_it(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*CELLS)
    side = panel(page)
    side.get_by_role("button", name="Run with…").click()
    dialog = page.get_by_role("dialog", name="Run the pipeline with…")
    expect(dialog.get_by_text("ready: this machine")).to_be_visible()
    expect(dialog.get_by_text("Nothing leaves this machine.")).to_be_visible()
    dialog.get_by_label("depth").fill("4.5")
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("depth").fill("5")
    expect(dialog.get_by_role("alert")).to_have_count(0)
    expect(dialog.get_by_label("Priority")).to_have_count(0)
    dialog.get_by_label("Name", exact=True).fill("tall ones")
    dialog.get_by_label("Experiment").fill("trees")
    dialog.get_by_text("2 steps").click()
    cpu = dialog.get_by_label("CPU of step grow")
    expect(cpu).to_have_value("1")
    cpu.fill("much")
    cpu.press("Enter")
    expect(dialog.locator(".kfnb-Submit-problems, .kfnb-Submit-health")).to_contain_text(["cpu:much"])
    cpu.fill("0.5")
    cpu.press("Enter")
    retries = dialog.get_by_label("Retries of step count")
    retries.fill("1")
    retries.press("Tab")
    expect(dialog.get_by_text("ready: this machine")).to_be_visible()
    assert tags(page, 1) == ["step:grow", "cpu:0.5", "retry:2"] and tags(page, 2) == ["step:count", "retry:1"]
    assert violations(page, ".kfnb-Submit") == []
    screenshot(page, "submit-light")
    set_theme(page, "JupyterLab Dark")
    page.set_viewport_size({"width": 700, "height": 700})
    screenshot(page, "submit-dark-700")
    page.set_viewport_size({"width": 1280, "height": 800})
    dialog.get_by_role("button", name="Run", exact=True).click()
    has_state(page, "count", "succeeded")
    told = page.evaluate(
        "() => fetch(window.jupyterapp.serviceManager.serverSettings.baseUrl + 'kfnb/api/v1/runs').then(r => r.json())"
    )
    newest = told["runs"][0]
    assert (newest["experiment"], newest["parameters"]["depth"]) == ("trees", 5)
    expect(side.get_by_text("tall ones")).to_be_visible()
    side.get_by_role("button", name="Run with…").click()
    expect(dialog.get_by_label("Experiment")).to_have_value("trees")
    dialog.get_by_role("button", name="Reset to the notebook’s values").click()
    expect(dialog.get_by_label("depth")).to_have_value("")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
