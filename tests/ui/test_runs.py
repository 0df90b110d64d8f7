"""Running a pipeline from the notebook: live states, logs, failures, retry, values, other runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import Console, Lab, OpenNotebook, reload
from tests.ui.helpers import (
    badge,
    choose,
    command,
    has_state,
    in_notebook,
    kernel_is_idle,
    log_of,
    panel,
    press_run,
)

pytestmark = pytest.mark.slow

PLAIN = (
    cell("limit: int = 3", "parameters"),
    cell("rows = list(range(limit))\nprint('made', rows)", "step:make"),
    cell("total = sum(rows)\nprint('total', total)", "step:sum"),
)
FAILS = (
    cell("limit: int = 3", "parameters"),
    cell("rows = [1, 2, 3]\nprint('made')", "step:make"),
    cell("total = sum(rows)\nx = total / (limit - 3)\nprint(x)", "step:divide"),
    cell("print('the run has', kfnb_status['state'])", "step:clean", "exit"),
)
SLOW = (
    cell("import time\nfor n in range(200):\n    print(f'line {n}.')\n    time.sleep(0.1)", "step:slow"),
    cell("print('cleaned')", "step:clean", "exit"),
)


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_one_click_and_the_cells_show_the_run(open_notebook: OpenNotebook, app: str) -> None:
    page = open_notebook(*PLAIN, app=app)
    press_run(page)
    for step in ("make", "sum"):
        has_state(page, step, "succeeded")
        expect(badge(page, step)).to_contain_text("succeeded")
    expect(badge(page, "sum")).to_contain_text("rows →")
    assert in_notebook(page, "p => p.content.model.toJSON().cells.every(c => !c.outputs || c.outputs.length === 0)")


def test_the_log_unfolds_under_the_cell_and_goes_on(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*SLOW)
    press_run(page)
    has_state(page, "slow", "running")
    badge(page, "slow").get_by_role("button", name="Show the log of this step").click()
    log = page.get_by_role("region", name="Log of step slow")
    expect(log).to_contain_text("line 3")
    expect(log).to_contain_text("line 8")
    log.get_by_role("searchbox").fill("line 4.")
    expect(log.locator(".kfnb-mod-current")).to_have_text("line 4.")
    press_run(page)  # the same button stops it
    has_state(page, "slow", "cancelled")
    has_state(page, "clean", "succeeded")


def test_a_badge_shows_how_far_its_step_says_it_is(open_notebook: OpenNotebook) -> None:
    code = "import time\nfor n in range(1, 41):\n    print('epoch', n, 'of 40')\n    time.sleep(0.25)"
    page = open_notebook(cell(code, "step:train"))
    press_run(page)
    expect(badge(page, "train")).to_have_class(re.compile("kfnb-mod-progress"))
    expect(badge(page, "train")).to_contain_text(re.compile(r"epoch \d+ of 40"))
    press_run(page)
    has_state(page, "train", "cancelled")


def test_a_failure_is_shown_at_its_line_and_mended_from_there(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*FAILS)
    press_run(page)
    has_state(page, "divide", "failed")
    has_state(page, "clean", "succeeded")
    page.get_by_role("button", name="Show", exact=True).click()
    log = page.get_by_role("region", name="Log of step divide")
    expect(log).to_contain_text("ZeroDivisionError")
    page.wait_for_function("window.jupyterapp.shell.currentWidget.content.mode === 'edit'")
    first = badge(page, "make").locator(".kfnb-Badge-state").inner_text()
    page.keyboard.type("x = total / limit")  # the marked line is replaced
    choose(page, "divide", "Retry From Here")
    has_state(page, "divide", "succeeded")
    expect(log).to_contain_text("2.0")
    expect(badge(page, "divide")).to_contain_text("attempt 2")
    log.get_by_label("Attempt").select_option("1")
    expect(log).to_contain_text("ZeroDivisionError")
    assert badge(page, "make").locator(".kfnb-Badge-state").inner_text() == first


def test_the_values_that_a_step_saw_come_into_the_kernel(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN, cell("print('here', rows, limit)"))
    press_run(page)
    has_state(page, "sum", "succeeded")
    kernel_is_idle(page)
    choose(page, "sum", "Load Inputs Here")
    expect(page.get_by_text("what step sum of run")).to_be_visible()
    choose(page, "make", "Load Inputs Here")
    expect(page.get_by_text("what step make of run")).to_be_visible()
    page.get_by_text("print('here', rows, limit)").click()
    command(page, "notebook:run-cell")
    expect(page.get_by_text("here [0, 1, 2] 3")).to_be_visible()


@pytest.mark.own_page  # it installs a kernel
def test_a_kernel_without_kfnb_runs_the_steps_and_gets_their_values(
    lab: Lab, open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    python = kernel_without_kfnb(lab, tmp_path)
    page = open_notebook(
        cell("import sys\nwho = sys.executable\nprint(who)", "step:who"),
        cell("print(who.upper())", "step:use"),
        cell("import importlib.util as u\nprint('kfnb is', u.find_spec('kfnb'))"),
        kernel="bare",
    )
    kernel_is_idle(page)
    page.get_by_text("print('kfnb is'").click()
    command(page, "notebook:run-cell")
    expect(page.get_by_text("kfnb is None")).to_be_visible()
    press_run(page)
    has_state(page, "use", "succeeded")
    badge(page, "who").get_by_role("button", name="Show the log of this step").click()
    expect(page.get_by_role("region", name="Log of step who")).to_contain_text(python)
    choose(page, "use", "Load Inputs Here")
    expect(page.get_by_text("loaded who: what step use of run")).to_be_visible()


def kernel_without_kfnb(lab: Lab, folder: Path) -> str:
    """Install the kernel `bare`, of an environment that has the tests' packages but not kfnb; give its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    # kfnb is there by a .pth file, which is read in an environment's own folder only
    packages = {"PYTHONPATH": sysconfig.get_path("purelib")}
    spec = lab.root.parent / "jupyter_data_dir" / "kernels" / "bare" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": argv, "display_name": "bare", "language": "python", "env": packages}))
    return python


def test_a_reload_in_the_middle_of_a_run_loses_nothing(lab: Lab, open_notebook: OpenNotebook) -> None:
    page = open_notebook(*SLOW)
    page.on("dialog", lambda dialog: dialog.accept())  # the page asks whether it may go, since it has not been saved
    press_run(page)
    has_state(page, "slow", "running")
    reload(lab, page)
    has_state(page, "slow", "running")
    press_run(page)
    has_state(page, "slow", "cancelled")


def test_the_panel_runs_with_parameters_and_brings_an_older_run_back(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN)
    side = panel(page)
    expect(side.locator(".kfnb-Dag-box")).to_have_count(2)
    side.get_by_label("limit").fill("5")
    side.get_by_role("button", name="Run", exact=True).click()
    expect(side.get_by_role("status")).to_contain_text("succeeded")
    expect(side.locator('.kfnb-Dag-box[data-state="succeeded"]')).to_have_count(2)
    badge(page, "sum").get_by_role("button", name="Show the log of this step").click()
    log = page.get_by_role("region", name="Log of step sum")
    expect(log).to_contain_text("total 10")
    side.get_by_label("limit").fill("")
    side.get_by_role("button", name="Run", exact=True).click()
    expect(log).to_contain_text("total 3")
    rows = side.locator(".kfnb-Runs tbody tr")
    expect(rows).to_have_count(2)
    rows.nth(1).get_by_role("button").click()
    expect(log).to_contain_text("total 10")
    side.get_by_role("button", name="Delete…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("cannot be undone")
    dialog.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(2)
    side.get_by_role("button", name="Delete…").click()
    dialog.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)
    expect(badge(page, "sum")).not_to_have_attribute("data-state", "succeeded")
    expect(log).to_have_count(0)


FORM = """from typing import Literal
import datetime
kind: Literal['a', 'b'] = 'a'
rate = 0.5  #@param {type:"slider", min:0, max:1, step:0.1}
day: datetime.date = datetime.date(2024, 5, 6)
depth: int = 4"""


def test_the_form_gives_typed_values_says_what_is_wrong_at_its_field_and_asks_before_it_takes_other_values(
    open_notebook: OpenNotebook, console: Console
) -> None:
    page = open_notebook(
        cell(FORM, "parameters"),
        cell("made = depth\nprint(kind, rate, day.year, depth)", "step:use"),
        cell("print(made, depth)", "step:more"),
    )
    side = panel(page)
    side.get_by_label("kind").select_option("b")
    side.get_by_label("rate").fill("0.8")
    side.get_by_label("day").fill("2025-03-04")
    side.get_by_label("depth").fill("7.5")
    press_run(page)
    expect(side.locator(".kfnb-Form-row", has_text="depth")).to_contain_text("`7.5` is not a whole number")
    expect(side.get_by_label("depth")).to_have_attribute("aria-invalid", "true")
    assert console.said and all(" 422 " in said for said in console.said)
    console.said.clear()
    side.get_by_label("depth").fill("7")
    expect(side.locator(".kfnb-Form-wrong")).to_have_count(0)
    press_run(page)
    has_state(page, "more", "succeeded")
    expect(log_of(page, "use")).to_contain_text("b 0.8 2025 7")
    side.get_by_label("depth").fill("5")
    expect(side.get_by_role("button", name="Run", exact=True)).to_be_visible()  # not only the last step has ended
    choose(page, "more", "Run From This Step On")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("had depth=7; now there is depth=5")
    console.said.clear()
    dialog.get_by_role("button", name="Reuse Them").click()
    expect(side.locator(".kfnb-Runs tbody tr")).to_have_count(2)
    expect(log_of(page, "more")).to_contain_text("7 5")


def test_the_graph_follows_the_typing_and_problems_lead_to_their_line(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN, cell("print(1)"))
    side = panel(page)
    expect(side.locator(".kfnb-Dag-box")).to_have_count(2)
    page.get_by_text("print(1)").click()
    command(page, "kfnb:mark-step")
    expect(side.locator(".kfnb-Dag-box")).to_have_count(3)
    page.get_by_text("print(1)").click()
    page.keyboard.press("End")
    page.keyboard.type("\nprint(nowhere)")
    problem = side.locator(".kfnb-Problems").get_by_role("button")
    expect(problem).to_contain_text("nowhere")
    expect(side.locator(".kfnb-Dag-box")).to_have_count(3)  # what was there, while it is wrong
    problem.click()
    assert in_notebook(page, "p => p.content.activeCell.editor.getCursorPosition().line") == 1
    press_run(page)
    expect(page.get_by_text("Cell 4: ").first).to_be_visible()


def test_marks_are_tags_and_undo_takes_them_back(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("# Load the data\nx = 1", "mine"), cell("y = x"))
    kernel_is_idle(page)
    page.get_by_text("# Load the data").click()
    command(page, "kfnb:mark-step")
    tags = "p => p.content.widgets[0].model.getMetadata('tags')"
    assert in_notebook(page, tags) == ["mine", "step:load-the-data"]
    command(page, "notebook:undo-cell-action")
    assert in_notebook(page, tags) == ["mine"]
    command(page, "kfnb:mark-step")
    command(page, "kfnb:unmark-step")
    assert in_notebook(page, tags) == ["mine"]


def test_two_notebooks_with_the_same_step_show_their_own_runs(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN)
    press_run(page)
    has_state(page, "sum", "succeeded")
    page = open_notebook(*PLAIN)
    expect(badge(page, "sum")).to_have_attribute("data-state", "")
