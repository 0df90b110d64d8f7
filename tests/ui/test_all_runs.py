"""The list of all runs, and runs of notebooks that are renamed while they run."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import Lab, OpenNotebook
from tests.ui.helpers import command, has_state, in_notebook, panel, press_run, screenshot, set_theme

pytestmark = pytest.mark.slow

SLOW = (
    cell("rate: float = 0.5", "parameters"),
    cell("import time\nfor n in range(6000):\n    time.sleep(0.1 * rate)", "step:slow"),
)


def test_a_renamed_notebook_keeps_its_live_run_and_all_runs_lists_it(lab: Lab, open_notebook: OpenNotebook) -> None:
    page = open_notebook(*SLOW)
    press_run(page)
    has_state(page, "slow", "running")
    in_notebook(page, "p => p.context.rename('renamed-while-running.ipynb')")
    side = panel(page)
    expect(side.get_by_role("button", name="Stop")).to_be_enabled()
    expect(side.locator(".kfnb-Runs tbody tr")).to_have_count(1)
    in_notebook(page, "p => p.context.save()")
    page.goto(
        f"{lab.url}/lab/tree/renamed-while-running.ipynb?token={lab.token}&reset"
    )  # now the file alone says whose runs these are
    has_state(page, "slow", "running")
    panel(page).get_by_role("button", name="All runs of all notebooks").click()

    view = page.locator(".kfnb-AllRuns")
    row = view.locator("tbody tr", has_text="renamed-while-running")
    expect(row).to_have_attribute("data-state", "running")
    expect(row).to_contain_text("rate = 0.5")
    row.get_by_role("button", name=re.compile("ipynb$")).press("Enter")  # the notebook with the states of that run
    press_run(page)
    command(page, "kfnb:all-runs")
    expect(row).to_have_attribute("data-state", "cancelled")

    row.get_by_role("checkbox", name=re.compile("^Choose the run")).press("Space")
    view.get_by_role("button", name="Tags and note…").press("Enter")
    dialog = page.get_by_role("dialog")
    tags = dialog.get_by_label("Tags, with commas between them")
    # JupyterLab gives the focus when the dialog is drawn: who types faster types there
    expect(tags).to_be_focused()
    tags.fill("too slow, drop")
    dialog.get_by_label("Note").fill("with half the rate")
    page.keyboard.press("Enter")
    expect(row.locator(".kfnb-AllRuns-tag")).to_have_text(["drop", "too slow"])
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        screenshot(page, f"all-runs-{theme.split()[-1].lower()}")
    page.set_viewport_size({"width": 900, "height": 700})
    screenshot(page, "all-runs-narrow")
    set_theme(page, "JupyterLab Light")

    find = view.get_by_role("search", name="Find runs")
    find.get_by_label("Text").fill("HALF the")
    expect(view.get_by_role("status")).to_have_text("1–1 of 1")
    find.get_by_label("Notebook").select_option(row.locator("td[title$='.ipynb']").inner_text())
    expect(view.get_by_role("status")).to_have_text("1–1 of 1")
    find.get_by_label("State").select_option("failed")
    expect(view.get_by_text("No run is like that.")).to_be_visible()
    find.get_by_role("button", name="Clear").press("Enter")
    view.get_by_role("button", name="Took").click()
    expect(view.get_by_role("columnheader", name="Took")).to_have_attribute("aria-sort", "descending")
    view.get_by_role("button", name="Delete 1 run…").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)
