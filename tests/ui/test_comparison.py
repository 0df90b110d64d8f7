"""Runs that are compared: chosen in the list of all runs, and on the page that shows what differs."""

from __future__ import annotations

import json
import re
from hashlib import sha256

import pytest
from playwright.sync_api import expect

from kfnb.pipeline.model import Pipeline, Step
from kfnb.pipeline.serialize import to_json
from kfnb.runs.kept_pipeline import PIPELINE
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.private_record_files import write_file
from kfnb.runs.record.run_store import SCHEDULER, RunStore
from kfnb.states import FINAL
from tests.notebooks import cell, notebook
from tests.ui.conftest import Lab, OpenNotebook, wait_until
from tests.ui.helpers import command, is_uncovered, press, screenshot, set_theme, tab_to
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow


def begin(lab: Lab, code: str, rate: float) -> str:
    """Begin a run of a notebook whose step `train` has this code."""
    cells = (
        cell("rate: float = 0.5", "parameters"),
        cell("import time\ntime.sleep(rate)\nrows = [1, 2, 3]", "step:load"),
        cell(f"# the model\nmodel = {code}\nprint(model)", "step:train", f"cpu:{code[-1]}"),
        cell("score = model", "metrics"),
    )
    body = {"notebook": notebook(*cells), "path": "compared.ipynb", "parameters": {"rate": str(rate)}}
    return str(lab.ask("POST", "kfnb/api/v1/runs", {**body, "experiment": "compared"})["run"]["run"])


def begin_loop(store: RunStore) -> str:
    run = store.create("looped", None, None, "local", {})
    write_file(store.folder(run) / PIPELINE, json.dumps(to_json(Pipeline("looped", body=(Step("fit", ()),)))))
    return run


def end_iterations(store: RunStore, run: str, which: range, shift: int, state: str) -> None:
    """Every second iteration has another score by the `shift`. ``state``: of the run, after these."""
    with store.changing():
        store.record_run(run, state, started=0.0, **({"finished": 60.0} if state in FINAL else {}))
        for i in which:
            score = str(i + shift * (i % 2))
            result = {
                "results": {"score": {"preview": score, "type": "int", "bundle": sha256(score.encode()).hexdigest()}}
            }
            store.record_step(run, f"fit[{i}]", "fit", "succeeded", started=0.0, finished=1.0, result=result)


def recorded_loop(lab: Lab, iterations: int, shift: int) -> str:
    """A run in the server's own record."""
    store = RunStore(lab.home / "kfnb_home")
    run = begin_loop(store)
    end_iterations(store, run, range(iterations), shift, "succeeded")
    store.close()
    return run


def test_runs_chosen_in_all_runs_are_compared(lab: Lab, open_notebook: OpenNotebook) -> None:
    ids = [begin(lab, code, rate) for code, rate in (("sum(rows) * 1", 0.1), ("sum(rows) * 1", 0.7), ("max(rows) + 2", 0.1))]  # fmt: skip
    page = open_notebook(cell("x = 1"))
    command(page, "kfnb:all-runs")
    view = page.locator(".kfnb-AllRuns")
    view.get_by_role("search").get_by_label("Experiment").select_option("compared")
    expect(view.get_by_role("status")).to_have_text("1–3 of 3")
    compare = view.get_by_role("button", name=re.compile("^Compare"))
    view.locator("tbody").get_by_role("checkbox").first.press("Space")
    expect(compare).to_be_disabled()
    for box in view.locator("tbody").get_by_role("checkbox").all()[1:]:
        box.press("Space")
    expect(compare).to_have_text("Compare 3 runs")
    compare.press("Enter")

    shown = page.locator(".kfnb-Comparison")
    expect(shown.locator("thead th")).to_have_count(3)
    expect(shown.locator('thead th[data-state="succeeded"]')).to_have_count(3)  # it follows runs that go on
    rate = shown.locator('[data-part="parameters"] tr[data-name="rate"] td')
    expect(rate).to_have_text(["0.1", "0.7", "0.1"])
    expect(shown.locator('[data-part="metrics"] tr[data-name="score"] td').last).to_have_text("5−17 %")
    expect(shown.locator('[data-part="durations"] tr[data-name="load"]')).to_be_visible()
    expect(shown.locator('[data-part="packages"]')).to_have_count(0)
    train = shown.get_by_role("article", name="Cell 3")
    expect(train.locator(".kfnb-mod-added")).to_have_text("+ model = max(rows) + 2\n")
    expect(shown.get_by_text("The same in all runs:")).to_contain_text("Packages")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        set_theme(page, theme)
        assert violations(page, ".kfnb-Comparison") == [], theme
        screenshot(page, f"comparison-{theme.split()[-1].lower()}")
    set_theme(page, "JupyterLab Light")
    shown.get_by_label("Show also what is the same").press("Space")
    packages = shown.locator('[data-part="packages"]')
    packages.get_by_role("button", name=re.compile(r"^Show all \d+ rows$")).press("Enter")
    expect(packages.locator('tr[data-name="jupyterlab"]')).to_be_visible()
    shown.get_by_label("Show also what is the same").press("Space")
    shown.get_by_role("combobox").select_option("train")
    sides = shown.get_by_role("region", name="Side by side")
    expect(sides.locator(".kfnb-Log-body")).to_contain_text(["6", "6", "5"])
    sides.scroll_into_view_if_needed()
    screenshot(page, "comparison-sides")
    page.set_viewport_size({"width": 700, "height": 700})
    screenshot(page, "comparison-narrow")
    page.set_viewport_size({"width": 1280, "height": 800})

    shown.get_by_role("button", name=re.compile("^Take out of the comparison: run 2")).press("Enter")
    expect(page.locator(".kfnb-Comparison thead th")).to_have_count(2)
    left = f"kfnb-comparison:{ids[0]},{ids[2]}"
    wait_until(lambda: left in json.dumps(lab.ask("GET", "lab/api/workspaces/default")["data"]["layout-restorer:data"]), "the tab is not remembered")  # fmt: skip
    page.reload()
    is_uncovered(page)
    expect(page.locator(".kfnb-Comparison thead th")).to_have_count(2)
    assert ids[0] in (page.locator(".kfnb-Comparison thead button").first.get_attribute("title") or "")

    command(page, "kfnb:compare-runs", runs=[recorded_loop(lab, 500, shift) for shift in (0, 1)])
    loop = page.locator('.kfnb-Comparison:visible [data-part="outputs"]')
    iterations = loop.locator("tr[data-name]:not(:has(button))")
    fold = loop.get_by_role("button", name="250 of 500 iterations differ")
    tab_to(page, fold)
    press(page, "Enter")
    expect(fold).to_have_attribute("aria-expanded", "true")
    expect(iterations).to_have_count(100)
    expect(iterations.first).to_have_text(re.compile(r"fit\[1\]\.score.*1.*2"))
    tab_to(page, loop.get_by_role("button", name="Show more iterations (150 left)"))
    screenshot(page, "comparison-loop")
    press(page, "Enter")
    expect(iterations).to_have_count(200)
    expect(loop.get_by_role("button", name="Show more iterations (50 left)")).to_be_focused()
    press(page, "Enter")
    expect(iterations).to_have_count(250)
    expect(iterations.last).to_have_text(re.compile(r"fit\[499\]\.score.*499.*500"))
    expect(loop.get_by_role("button", name="Hide the iterations")).to_be_focused()
    screenshot(page, "comparison-loop-end")
    press(page, "Enter")
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(iterations).to_have_count(0)
    expect(fold).to_be_focused()
    press(page, "Space")
    expect(iterations).to_have_count(100)
    page.locator(".kfnb-Comparison:visible").get_by_label("Show also what is the same").press("Space")
    expect(loop.get_by_role("button", name="Show more iterations (400 left)")).to_be_visible()
    expect(iterations.first).to_have_text(re.compile(r"fit\[0\]\.score.*0.*0"))

    page.evaluate("void window.jupyterapp.commands.execute('kfnb:compare-runs')")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Find").fill("rate = 0.1")
    boxes = dialog.get_by_role("checkbox", name=re.compile("compared"))
    expect(boxes).to_have_count(2)
    dialog.get_by_label("Find").fill("compared")
    expect(boxes).to_have_count(3)
    for box in boxes.all():
        box.check()
    screenshot(page, "comparison-dialog")
    dialog.get_by_role("button", name="Compare").press("Enter")
    expect(page.locator(".kfnb-Comparison:visible thead th")).to_have_count(3)


def test_iterations_of_a_run_that_goes_on_are_read_again(lab: Lab, open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("x = 1"))
    store = RunStore(lab.home / "kfnb_home")
    run = begin_loop(store)
    with holding(store.folder(run) / SCHEDULER):
        end_iterations(store, run, range(254), 1, "running")
        command(page, "kfnb:compare-runs", runs=[recorded_loop(lab, 260, 0), run])
        loop = page.locator('.kfnb-Comparison:visible [data-part="outputs"]')
        loop.get_by_role("button", name=re.compile("iterations differ")).press("Enter")
        loop.get_by_role("button", name=re.compile("more iteration")).press("Enter")
        last = loop.locator('tr[data-name="fit[259].score"]')
        expect(last).to_have_text(re.compile(r"259\W*$"))
        end_iterations(store, run, range(254, 260), 1, "succeeded")
    expect(last).to_have_text(re.compile("259.*260"))
    store.close()


def test_a_sweep_is_a_table_with_plots_and_a_part_of_an_axis_narrows_it(lab: Lab, open_notebook: OpenNotebook) -> None:
    for rate, depth in ((0.1, 1), (0.1, 2), (0.5, 1), (0.9, 3)):
        cells = (
            cell("rate: float = 0.5\ndepth: int = 1\nkind: str = 'deep'", "parameters"),
            cell("score = rate * depth\nloss = 1 / (1 + score)", "step:train", "metrics"),
        )
        given = {"rate": str(rate), "depth": str(depth)}
        body = {"notebook": notebook(*cells), "path": "swept.ipynb", "parameters": given, "experiment": "swept / 1"}
        lab.ask("POST", "kfnb/api/v1/runs", body)
    page = open_notebook(cell("x = 1"))
    command(page, "kfnb:open-experiment")
    listed = page.locator('.kfnb-AllRuns tr[data-experiment="swept / 1"]')
    expect(listed.locator("td").nth(3)).to_have_text("rate, depth")
    screenshot(page, "experiments")
    listed.get_by_role("button").press("Enter")

    shown = page.locator(".kfnb-Experiment")
    rows = shown.locator("tbody tr")
    expect(shown.locator('tbody tr[data-state="succeeded"]')).to_have_count(4)
    expect(shown.locator(".kfnb-Parallel-axis")).to_have_count(4)
    expect(shown.locator(".kfnb-Scatter-point")).to_have_count(4)
    head = shown.get_by_role("columnheader", name="score")
    head.get_by_role("button").press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    scores = shown.locator("tbody tr td.kfnb-mod-number:nth-child(7)")
    expect(scores).to_have_text(["0.1", "0.2", "0.5", "2.7"])
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        set_theme(page, theme)
        assert violations(page, ".kfnb-Experiment") == [], theme
        screenshot(page, f"experiment-{theme.removeprefix('JupyterLab ').replace(' ', '-').lower()}")
    set_theme(page, "JupyterLab Light")

    low = shown.get_by_role("slider", name="rate, from")
    for _ in range(8):
        low.press("ArrowUp")  # it keeps the focus while the plot is drawn anew
    expect(rows).to_have_count(2)
    expect(shown.get_by_role("status")).to_have_text("2 of 4 runs")
    rows.first.get_by_role("button").focus()
    expect(shown.locator(".kfnb-Parallel-line.kfnb-mod-marked")).to_have_count(1)
    expect(shown.locator(".kfnb-Experiment-marked")).to_contain_text("rate = 0.5, depth = 1")
    page.set_viewport_size({"width": 700, "height": 800})
    screenshot(page, "experiment-narrow")
    page.set_viewport_size({"width": 1900, "height": 1000})
    screenshot(page, "experiment-wide")
    shown.get_by_role("button", name="Show all runs").press("Enter")
    expect(rows).to_have_count(4)
