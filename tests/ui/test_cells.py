"""What users do with cells and notebooks while a run goes on: move, delete and undo, copy and paste, a second notebook beside the first."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks import Json, cell
from tests.ui.conftest import Gates, Lab, OpenNotebook, Settings, new_file
from tests.ui.helpers import (
    badge,
    command,
    has_state,
    in_notebook,
    kernel_is_idle,
    panel,
    press_run,
    screenshot,
    scroll_to_cell,
)

pytestmark = pytest.mark.slow

COPIED = (
    cell("rows = [1, 2]\nprint('made')", "step:make"),
    cell("total = sum(rows)", "step:sum"),
    cell("print('total', total)", "step:show"),
)


def waits(gates: Gates, name: str) -> tuple[Json, Json, Json]:
    """Three steps; that in the middle waits at the gate."""
    return (
        cell("rows = [1, 2]", "step:make"),
        cell(f"# the middle\n{gates.code(name)}\ntotal = sum(rows)", "step:wait"),
        cell("print('total', total)", "step:show"),
    )


def click_cell(part: Page | Locator, text: str) -> None:
    part.locator(".jp-Cell .cm-line", has_text=text).first.click()


def copy_below(page: Page, text: str, below: str) -> None:
    click_cell(page, text)
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    click_cell(page, below)
    page.keyboard.press("Escape")
    page.keyboard.press("v")


def undo(page: Page) -> None:
    command(page, "notebook:undo-cell-action")


# ---------------------------------------------------------------------- moves
def test_a_cell_that_is_moved_takes_its_live_state_along(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*waits(gates, "gate"), cell("x = 1"), cell("y = 2"))
    press_run(page)
    has_state(page, "wait", "running")
    click_cell(page, "# the middle")
    command(page, "notebook:move-cell-down")
    in_cell(page, 2, "wait", "running")
    command(page, "notebook:move-cell-up")
    in_cell(page, 1, "wait", "running")
    command(page, "notebook:move-cell-up")
    in_cell(page, 0, "wait", "running")
    undo(page)  # of one move or of both: JupyterLab puts together what follows quickly
    expect(page.locator(".jp-Notebook .jp-Cell").first).not_to_contain_text("# the middle")
    cell_of_wait = page.locator(".jp-Notebook .jp-Cell", has_text="# the middle")
    has_state(cell_of_wait, "wait", "running")
    gates.open("gate")
    has_state(cell_of_wait, "wait", "succeeded")
    has_state(page, "show", "succeeded")


def in_cell(page: Page, number: int, step: str, state: str) -> None:
    """The cell at this place, and no other, has the step's badge."""
    expect(badge(page, step)).to_have_count(1)
    has_state(page.locator(".jp-Notebook .jp-Cell").nth(number), step, state)


def test_a_deletion_in_the_middle_of_a_run_is_undone_with_its_live_state(
    open_notebook: OpenNotebook, gates: Gates
) -> None:
    page = open_notebook(*waits(gates, "gate"))
    kernel_is_idle(page)  # what the kernel tells of itself is written into the notebook, and cannot be undone
    side = panel(page)
    press_run(page)
    has_state(page, "wait", "running")
    click_cell(page, "# the middle")
    command(page, "notebook:delete-cell")
    expect(badge(page, "wait")).to_have_count(0)
    expect(side.locator(".kfnb-Problems")).to_contain_text("total")  # nothing makes it any more
    undo(page)
    has_state(page, "wait", "running")
    expect(side.locator(".kfnb-Problems")).to_have_count(0)
    gates.open("gate")
    has_state(page, "show", "succeeded")
    has_state(page, "wait", "succeeded")


# ---------------------------------------------------------------------- copies
def test_a_copy_of_a_cell_is_of_the_same_step(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*COPIED)
    kernel_is_idle(page)
    side = panel(page)
    copy_below(page, "print('made')", below="print('made')")
    expect(badge(page, "make")).to_have_count(2)
    expect(side.locator(".kfnb-Dag-box")).to_have_count(3)
    press_run(page)
    has_state(page, "show", "succeeded")
    for number in (0, 1):
        expect(badge(page, "make").nth(number)).to_have_attribute("data-state", "succeeded")
    badge(page, "make").first.get_by_role("button", name="Show the log of this step").click()
    log = page.get_by_role("region", name="Log of step make")
    expect(log.locator(".kfnb-Log-line")).to_have_text(["made", "made"])


def test_a_copy_that_cannot_be_is_named_and_undone(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*COPIED)
    kernel_is_idle(page)
    side = panel(page)
    copy_below(page, "print('made')", below="print('total', total)")
    problem = side.locator(".kfnb-Problems").get_by_role("button", name="the cells of step `make` stand around cell 2")
    expect(problem).to_contain_text("Cell 1: ")
    expect(problem).to_contain_text("give the later cells of `make` a step name of their own")
    expect(badge(page, "make").first.locator(".kfnb-Badge-problems:visible")).to_have_text("✗ 1")
    screenshot(page, "copied")
    press_run(page)
    expect(page.get_by_role("alert").get_by_text("the cells of step `make` stand around cell 2")).to_be_visible()
    expect(badge(page, "make").first).to_have_attribute("data-state", "")
    undo(page)
    expect(side.locator(".kfnb-Problems")).to_have_count(0)
    expect(badge(page, "make").locator(".kfnb-Badge-problems:visible")).to_have_count(0)
    press_run(page)
    has_state(page, "show", "succeeded")


def test_names_that_are_one_on_a_cluster_are_named_at_their_cell(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("x = 1", "step:load_data"), cell("y = 2", "step:load-data"))
    side = panel(page)
    problem = side.locator(".kfnb-Problems").get_by_role("button")
    expect(problem).to_contain_text(
        "Cell 2: the steps `load_data` and `load-data` would have the same name on a cluster"
    )
    expect(problem).to_contain_text("rename one of them")
    expect(badge(page, "load-data").locator(".kfnb-Badge-problems:visible")).to_have_text("✗ 1")
    press_run(page)
    expect(page.get_by_text("Cell 2: the steps `load_data` and `load-data`").last).to_be_visible()
    in_notebook(page, "panel => panel.content.widgets[1].model.setMetadata('tags', ['step:more'])")
    expect(side.locator(".kfnb-Problems")).to_have_count(0)
    press_run(page)
    has_state(page, "more", "succeeded")


# ---------------------------------------------------------------------- two notebooks
def open_beside(page: Page, lab: Lab, *cells: Json) -> tuple[Locator, Locator]:
    """Open a second notebook to the right of the first; both of them, left and right."""
    left = str(in_notebook(page, "panel => panel.id"))
    path = new_file(lab, *cells)
    command(page, "docmanager:open", path=path.name, options={"mode": "split-right"})
    page.wait_for_function("left => window.jupyterapp.shell.currentWidget.id !== left", arg=left)
    right = str(in_notebook(page, "panel => panel.id"))
    expect(page.locator(f"#{right} .kfnb-Badge").first).to_be_visible()
    return page.locator(f"#{left}"), page.locator(f"#{right}")


def test_notebooks_side_by_side_colour_only_their_own_cells(
    lab: Lab, open_notebook: OpenNotebook, gates: Gates
) -> None:
    page = open_notebook(*waits(gates, "left"))
    left, right = open_beside(page, lab, *waits(gates, "right"))
    press_run(left)
    has_state(left, "wait", "running")
    has_state(right, "wait", "")
    press_run(right)
    has_state(right, "wait", "running")
    screenshot(page, "side-by-side")
    gates.open("right")
    has_state(right, "show", "succeeded")
    has_state(left, "wait", "running")
    expect(badge(left, "show")).not_to_have_attribute("data-state", "succeeded")
    press_run(left)  # stops its own
    has_state(left, "wait", "cancelled")
    has_state(right, "wait", "succeeded")


def test_the_side_bar_is_that_of_the_notebook_in_use(lab: Lab, open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*waits(gates, "left"))
    left, right = open_beside(page, lab, *waits(gates, "right"), cell("z = 1", "step:mine"))
    side = panel(page)
    expect(side.locator(".kfnb-Dag-box")).to_have_count(4)
    click_cell(left, "# the middle")
    expect(side.locator(".kfnb-Dag-box")).to_have_count(3)
    side.get_by_role("button", name="Run", exact=True).click()
    expect(side.locator('.kfnb-Dag-box[data-step="wait"]')).to_have_attribute("data-state", "running")
    expect(side.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    click_cell(right, "# the middle")
    expect(side.locator('.kfnb-Dag-box[data-step="wait"]')).to_have_attribute("data-state", "")
    expect(side.get_by_role("button", name="Run", exact=True)).to_be_visible()
    expect(side.locator(".kfnb-Runs tbody tr")).to_have_count(0)
    gates.open("left")
    has_state(left, "show", "succeeded")
    has_state(right, "show", "")
    click_cell(left, "# the middle")
    expect(side.get_by_role("status")).to_contain_text("succeeded")


# ---------------------------------------------------------------------- many
def test_a_windowed_notebook_of_500_cells_shows_its_run_wherever_it_is_scrolled_to(
    settings: Settings, open_notebook: OpenNotebook
) -> None:
    settings("@jupyterlab/notebook-extension:tracker", windowingMode="full")
    page = open_notebook(
        *(cell(f"n{at} = {at}", *([f"step:s{at}"] if at % 50 == 49 else [])) for at in range(500)),
    )
    expect(page.locator(".jp-Notebook .jp-Cell:visible").nth(100)).to_have_count(0)  # the others are not in the page
    press_run(page)
    for number in (499, 49, 249):
        scroll_to_cell(page, number)
        # JupyterLab goes on measuring cells, and what was in sight leaves it again
        page.wait_for_function(
            """number => {
                const { content } = window.jupyterapp.shell.currentWidget;
                void content.scrollToItem(number);
                return content.widgets[number].node.querySelector('.kfnb-Badge')?.dataset.state === 'succeeded';
            }""",
            arg=number,
        )
        expect(badge(page, f"s{number}")).to_contain_text("succeeded")
