"""Marking cells by mouse: the quick menu on a cell, which writes tags that undo takes back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import badge, command, has_state, in_notebook, panel, press_run, screenshot

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
