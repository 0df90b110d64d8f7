"""Marking cells by mouse: the quick menu on a cell, which writes tags that undo takes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import badge, command, has_state, in_notebook, panel, press_run, screenshot, set_theme
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow

THREE = (
    cell("names = ['a', 'b']", "hide-input", "step:make"),
    cell("size = len(names)", "step:sizes"),
    cell("%%component show --retry 2\nprint('end')"),
)


def select(page: Page, number: int) -> None:
    page.locator(".jp-Notebook .jp-Cell").nth(number).locator(".jp-InputPrompt").click()


def pick(page: Page, number: int, *items: str) -> None:
    """Items of the marking menu of a cell, one inside the other."""
    select(page, number)
    page.locator('[data-jp-item-name="kfnb-mark"] jp-button').click()
    for item in items:
        item_of_menu(page, item).click()


def item_of_menu(page: Page, text: str) -> Locator:
    """An item of an open menu; one that is ticked has another role than one that is not."""
    return page.locator(".lm-Menu-item").filter(has_text=text)


def answer(page: Page, text: str) -> None:
    page.locator(".jp-Dialog input").fill(text)
    page.locator(".jp-Dialog .jp-mod-accept").click()


def tags(page: Page, number: int) -> Any:
    return json.loads(
        in_notebook(
            page, "(p, at) => JSON.stringify(p.content.model.cells.get(at).getMetadata('tags') ?? null)", number
        )
    )


def test_conditions_loops_and_order_are_marked_by_mouse(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*THREE)
    has_state(page, "sizes", "")
    pick(page, 1, "Once for Each…")
    answer(page, "name in names")
    expect(badge(page, "sizes")).to_contain_text("for each name in names")
    pick(page, 1, "Runs Only If…")
    answer(page, "len(names) > 1")
    expect(badge(page, "sizes")).to_contain_text("if len(names) > 1")
    assert tags(page, 1) == ["step:sizes", "foreach:name in names", "when:len(names) > 1"]
    select(page, 1)
    page.locator('[data-jp-item-name="kfnb-mark"] jp-button').click()
    expect(item_of_menu(page, "Runs Only If: len(names) > 1…")).to_be_visible()
    screenshot(page, "mark-menu")
    page.keyboard.press("Escape")
    pick(page, 2, "At the End, Whatever Happened")
    expect(badge(page, "show")).to_contain_text("at the end, always")
    source = in_notebook(page, "p => p.content.model.cells.get(2).sharedModel.getSource()")
    assert source == "%%component show --retry 2 --exit\nprint('end')"
    command(page, "notebook:undo-cell-action")
    expect(badge(page, "show")).not_to_contain_text("at the end")
    command(page, "notebook:undo-cell-action")
    expect(badge(page, "sizes")).not_to_contain_text("if len")
    assert tags(page, 1) == ["step:sizes", "foreach:name in names"]


def test_a_step_is_renamed_in_all_of_its_cells_and_where_others_wait_for_it(open_notebook: OpenNotebook) -> None:
    page = open_notebook(
        cell("a = 1", "keep", "step:make"), cell("b = 2", "block:make"), cell("%%component use --after make\nprint(1)")
    )
    has_state(page, "use", "")
    pick(page, 0, "Rename Step…")
    answer(page, "load")
    expect(badge(page, "load")).to_have_count(2)
    assert (tags(page, 0), tags(page, 1)) == (["keep", "step:load"], ["block:load"])
    source = in_notebook(page, "p => p.content.model.cells.get(2).sharedModel.getSource()")
    assert source == "%%component use --after load\nprint(1)"
    press_run(page)
    has_state(page, "use", "succeeded")


def test_order_is_chosen_from_the_steps_there_are(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("print(1)", "step:first"), cell("print(2)", "step:second"))
    has_state(page, "second", "")
    pick(page, 1, "Runs After", "first")
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.model.cells.get(1).getMetadata('tags').length === 2"
    )
    assert tags(page, 1) == ["step:second", "after:first"]
    pick(page, 1, "Runs After", "first")
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.model.cells.get(1).getMetadata('tags').length === 1"
    )


def test_a_cell_becomes_parameters_or_no_part_of_the_pipeline(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("limit = 3"), cell("print(limit)", "step:use"), cell("%%component gone --retry 2\nx = 1"))
    has_state(page, "use", "")
    pick(page, 0, "Parameters of the Pipeline")
    assert tags(page, 0) == ["parameters"]
    expect(badge(page, "use")).to_contain_text("limit →")
    pick(page, 1, "Not in the Pipeline")
    assert tags(page, 1) == ["skip"]
    pick(page, 2, "No Step")
    assert in_notebook(page, "p => p.content.model.cells.get(2).sharedModel.getSource()") == "x = 1"
    pick(page, 1, "Make This Cell a Step")
    assert tags(page, 1)[0].startswith("step:")


def test_a_mark_of_a_step_of_several_cells_stands_once(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("a = 1", "step:make", "when:1 < 2", "cache:off"), cell("b = 2", "step:make"))
    expect(badge(page, "make").first).to_contain_text("if 1 < 2")
    pick(page, 1, "Runs Only If: 1 < 2…")
    answer(page, "1 < 3")
    expect(badge(page, "make").first).to_contain_text("if 1 < 3")
    pick(page, 1, "Keep Results")
    assert (tags(page, 0), tags(page, 1)) == (["step:make", "when:1 < 3", "cache:on"], ["step:make"])
    pick(page, 0, "Not in the Pipeline")
    assert tags(page, 0) == ["skip"]


def test_a_problem_offers_the_marks_that_settle_it_and_a_step_may_fail_or_take_files(
    open_notebook: OpenNotebook,
) -> None:
    page = open_notebook(cell("rows = open('rows.csv').read()"), cell("print(rows)", "step:use"))
    has_state(page, "use", "")
    side = panel(page)
    side.get_by_role("button", name="Mark the cell step:setup").click()
    has_state(page, "setup", "")
    assert tags(page, 0) == ["step:setup"]
    command(page, "notebook:undo-cell-action")
    other = side.get_by_role("button", name="Mark the cell functions")
    expect(other).to_be_visible()
    assert tags(page, 0) is None
    other.click()
    expect(side.locator(".kfnb-Problems")).to_have_count(0)
    pick(page, 1, "May Fail, the Run Goes On")
    pick(page, 1, "Files for a Cluster…")
    answer(page, "rows.csv, models/net.bin")
    expect(badge(page, "use")).to_contain_text("may fail")
    assert tags(page, 1) == ["step:use", "on-failure:continue", "file:rows.csv", "file:models/net.bin"]


def form(page: Page) -> Locator:
    """The form for the marks of the active cell, in the property inspector."""
    command(page, "kfnb:open-mark-form")
    found = page.locator(".kfnb-Marks")
    expect(found).to_be_visible()
    return found


def written(page: Page, number: int) -> Any:
    """The source, the tags and the settings of a cell."""
    read = "(p, at) => { const m = p.content.model.cells.get(at); return [m.sharedModel.getSource(), m.getMetadata('tags'), m.getMetadata('kfnb')] }"
    return in_notebook(page, read, number)


def fill(field: Locator, text: str) -> None:
    field.fill(text)
    field.press("Enter")


def test_the_form_has_every_mark_and_changes_each_where_it_is_written(open_notebook: OpenNotebook) -> None:
    page = open_notebook(
        cell("a = 1", "hide", "step:make", "cpu:1", "env:A=1"),
        cell("%%component use --memory 1Gi\nprint(a)", metadata={"kfnb": {"packages": ["six"]}}),
        cell("b = a", "step:make", "retry:2"),
    )
    has_state(page, "use", "")
    select(page, 0)
    marks = form(page)
    cpu = marks.get_by_label("CPU", exact=True)
    expect(cpu).to_have_value("1")
    fill(cpu, "2")
    expect(cpu).to_have_value("2")
    expect(cpu).to_be_focused()
    fill(marks.get_by_label("Add: Environment variable", exact=True), "B=2")
    expect(marks.get_by_label("Environment variable", exact=True)).to_have_count(2)
    expect(marks.get_by_label("Add: Environment variable", exact=True)).to_have_value("")
    marks.get_by_role("button", name="Remove Environment variable: A=1").click()
    fill(marks.get_by_label("Retries", exact=True), "3")
    assert written(page, 0) == ["a = 1", ["hide", "step:make", "cpu:2", "env:B=2"], None]
    assert written(page, 2) == ["b = a", ["step:make", "retry:3"], None], "it stands in the other cell of the step"
    fill(marks.get_by_label("Memory", exact=True), "much")
    expect(marks).to_contain_text("`memory:much`")
    fill(marks.get_by_label("Memory", exact=True), "4Gi")
    expect(marks.locator(".kfnb-Marks-wrong")).to_have_count(0)
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        set_theme(page, theme)
        screenshot(page, f"mark-form-{theme.split()[-1].lower()}")
        assert violations(page, ".kfnb-Marks") == []
    command(page, "notebook:undo-cell-action")
    expect(marks.get_by_label("Memory", exact=True)).to_have_value("much")
    marks.get_by_role("button", name="of cell 3").click()
    expect(marks.get_by_label("Retries", exact=True)).to_have_value("3")

    select(page, 1)
    expect(marks.get_by_label("Memory", exact=True)).to_have_value("1Gi")
    expect(marks.get_by_label("Package", exact=True)).to_have_value("six")
    fill(marks.get_by_label("Memory", exact=True), "2Gi")
    fill(marks.get_by_label("Package", exact=True), "six>=1")
    marks.get_by_label("Keep results", exact=True).select_option("on")
    marks.get_by_label("Name of the pipeline", exact=True).fill("mine")
    select(page, 1)
    source = "%%component use --memory 2Gi --cache on\nprint(a)"
    assert written(page, 1) == [source, None, {"packages": "six>=1"}]
    assert in_notebook(page, "p => p.content.model.getMetadata('kfnb')") == {"name": "mine"}
    marks.get_by_label("This cell is", exact=True).select_option("Not in the pipeline")
    expect(marks.get_by_label("CPU", exact=True)).to_have_count(0)
    assert written(page, 1) == ["print(a)", ["skip"], None]


def test_the_form_has_the_rare_marks_folded(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("a = 1"), cell("b = 2", "step:two"))
    has_state(page, "two", "")
    select(page, 0)
    marks = form(page)
    expect(marks.get_by_label("Name of the step", exact=True)).to_have_value("")
    fill(marks.get_by_label("Name of the step", exact=True), "one")
    has_state(page, "one", "")
    assert tags(page, 0) == ["step:one"]
    more = marks.locator("fieldset", has_text="Pod").locator("details")
    expect(more.get_by_label("Priority class", exact=True)).to_be_hidden()
    more.locator("summary").click()
    fill(more.get_by_label("Priority class", exact=True), "high")
    expect(more.locator("summary")).to_have_text("More (1 set)")
    labels = {
        "Add: Tolerated taint": "gpu:NoSchedule", "Add: Affinity": "node:gpu", "Add: Security context": "runAsUser=1000",
        "Service account": "robot",
    }  # fmt: skip
    for label, value in labels.items():
        fill(more.get_by_label(label, exact=True), value)
    fill(marks.get_by_label("Add: Runs after", exact=True), "two")
    fill(marks.get_by_label("Add: Volume", exact=True), "data:/data:ro")
    fill(marks.get_by_label("Add: Secret", exact=True), "db:password:PASSWORD")
    assert tags(page, 0) == [
        "step:one", "priority-class:high", "toleration:gpu:NoSchedule", "affinity:node:gpu", "security-context:runAsUser=1000",
        "service-account:robot", "after:two", "volume:data:/data:ro", "secret:db:password:PASSWORD",
    ]  # fmt: skip
    expect(marks.locator(".kfnb-Marks-wrong")).to_have_count(0)
    screenshot(page, "mark-form-rare")
