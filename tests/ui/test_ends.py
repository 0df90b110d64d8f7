"""How runs end, by mouse: stopped, or failed with an exit handler, mended and taken up again where it failed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks import Json, cell
from tests.ui.conftest import Gates, Lab, OpenFile, OpenNotebook
from tests.ui.helpers import badge, choose, has_state, in_notebook, log_of, panel, press_run, screenshot

pytestmark = pytest.mark.slow

SEEDS = Path(__file__).parents[2] / "notebooks"
COIN = "06-flip-coin-exit-handler.ipynb"


def runs_of(page: Page, lab: Lab) -> list[dict[str, Any]]:
    """The record of the notebook's runs, the newest first."""
    path = in_notebook(page, "panel => panel.context.path")
    found: list[dict[str, Any]] = lab.ask("GET", f"kfnb/api/v1/runs?notebook={path}")["runs"]
    return found


def steps_of(page: Page, lab: Lab) -> dict[str, dict[str, Any]]:
    """The steps of the notebook's newest run, as they are on record."""
    newest = runs_of(page, lab)[0]["run"]
    return {step["path"]: step for step in lab.ask("GET", f"kfnb/api/v1/runs/{newest}")["steps"]}


def stopped(gates: Gates, handler: str) -> tuple[Json, Json, Json]:
    return (
        cell(f"{gates.code('middle')}\nrows = [1]", "step:first"),
        cell("print(rows)", "step:later"),
        cell(handler, "step:clean", "exit"),
    )


def test_a_run_that_is_stopped_ends_with_its_handler(lab: Lab, open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*stopped(gates, "print('the run has', kfnb_status['state'])"))
    side = panel(page)
    press_run(page)
    gates.reached("middle")
    side.get_by_role("button", name="Stop", exact=True).click()
    has_state(page, "first", "cancelled")
    has_state(page, "clean", "succeeded")
    expect(log_of(page, "clean")).to_contain_text("the run has cancelled")
    expect(side.get_by_role("status")).to_contain_text("Run cancelled")
    has_state(page, "later", "omitted")
    expect(side.locator(".kfnb-Runs tbody tr")).to_contain_text("cancelled")
    screenshot(page, "cancelled")
    states = {path: step["state"] for path, step in steps_of(page, lab).items()}
    assert states == {"first": "cancelled", "later": "omitted", "clean": "succeeded"}


def test_a_run_that_is_stopped_twice_ends_at_once(lab: Lab, open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*stopped(gates, f"print('cleaning')\n{gates.code('handler')}"))
    press_run(page)
    gates.reached("middle")
    has_state(page, "first", "running")  # only then does the button stop the run
    press_run(page)
    gates.reached("handler")
    has_state(page, "clean", "running")
    press_run(page)
    has_state(page, "clean", "cancelled")
    assert runs_of(page, lab)[0]["state"] == "cancelled"
    press_run(page)  # and the button begins a new run
    has_state(page, "first", "running")
    gates.open("middle")
    has_state(page, "later", "succeeded")
    gates.open("handler")
    has_state(page, "clean", "succeeded")


def coin(lab: Lab, before_it_fails: str) -> Path:
    """The seed notebook, with code at the head of the step that fails: a run that has failed begins no other step."""
    data = json.loads((SEEDS / COIN).read_text("utf-8"))
    (fails,) = (c for c in data["cells"] if "".join(c["source"]).startswith("%%component fail "))
    first, *rest = "".join(fails["source"]).splitlines()
    fails["source"] = "\n".join([first, before_it_fails, *rest])
    path = lab.root / f"{time.monotonic_ns()}-{COIN}"
    path.write_text(json.dumps(data), "utf-8")
    return path


def test_a_coin_that_falls_on_tails_fails_is_mended_and_goes_on(lab: Lab, open_file: OpenFile, gates: Gates) -> None:
    page = open_file(coin(lab, gates.code("fail")))
    side = panel(page)
    side.get_by_label("force", exact=True).fill("tails")
    side.get_by_label("force_number").fill("12")
    side.get_by_role("button", name="Run", exact=True).click()
    has_state(page, "tails-below", "succeeded")
    has_state(page, "tails-above", "skipped")
    has_state(page, "heads-number", "skipped")
    gates.open("fail")
    has_state(page, "fail", "failed")
    has_state(page, "goodbye", "succeeded")
    expect(side.get_by_role("status")).to_contain_text("Run failed in step fail")
    before = steps_of(page, lab)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("region", name="Log of step fail")).to_contain_text("It was tails")
    screenshot(page, "coin-failed")
    page.wait_for_function("window.jupyterapp.shell.currentWidget.content.mode === 'edit'")
    page.keyboard.type("print('mended')")  # the marked line is replaced
    expect(badge(page, "fail")).to_contain_text("changed since this run")
    choose(page, "fail", "Retry From Here")
    has_state(page, "fail", "succeeded")
    expect(page.get_by_text("changed since this run")).to_have_count(0)
    expect(side.get_by_role("status")).to_contain_text("Run succeeded")
    expect(badge(page, "fail")).to_contain_text("attempt 2")
    expect(page.get_by_role("region", name="Log of step fail")).to_contain_text("mended")
    after = steps_of(page, lab)
    assert {path for path in after if after[path]["started"] != before[path]["started"]} == {"fail", "goodbye"}
    assert {step["state"] for step in after.values()} == {"succeeded", "skipped"}
    assert len(runs_of(page, lab)) == 1
    screenshot(page, "coin-mended")
