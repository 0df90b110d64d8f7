"""The badge above each step cell, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks import cell, markdown
from tests.ui.conftest import Lab, OpenNotebook, Settings, disabled, reload
from tests.ui.helpers import (
    command,
    in_notebook,
    kernel_is_idle,
    panel,
    press_run,
    screenshot,
    scroll_to_cell,
    set_theme,
)

pytestmark = pytest.mark.slow

CELLS = (
    markdown("# Three ways to mark a step"),
    cell("rows = [1, 2, 3]", "step:load"),
    cell("scale = 2"),
    cell("%%component train\nmodel = scale * sum(rows)"),
    cell("print(model)", metadata={"kfnb": {"step": "report"}}),
)


def shows(page: Page, *names: str) -> None:
    """The cells, from top to bottom, show these steps, or what they are besides; ``""`` is a cell without a badge."""
    cells = page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(len(names))
    for number, name in enumerate(names):
        chip = cells.nth(number).locator(".kfnb-Badge-name:visible")
        expect(chip).to_have_text([name] if name else [])


#: JupyterLab draws the cells out of sight when it has nothing else to do; here it does so for some, and for all when it is told to.
SOME_CELLS = """(() => {
    const idle = window.requestIdleCallback.bind(window);
    const held = [];
    window.requestIdleCallback = (draw, options) => window.drawsAll
        || document.querySelectorAll('.jp-Notebook .jp-Cell').length < 30 ? idle(draw, options) : held.push(draw);
    window.drawAll = () => {
        window.drawsAll = true;
        held.forEach(draw => idle(draw));
    };
})()"""


@pytest.mark.own_page
def test_in_a_long_notebook_the_cells_in_sight_have_their_badges_first(page: Page, open_notebook: OpenNotebook) -> None:
    page.add_init_script(SOME_CELLS)
    open_notebook(*(cell(f"v{n} = {n}", f"step:s{n}") for n in range(100)))
    cells, badges = page.locator(".jp-Notebook .jp-Cell"), page.locator(".kfnb-Badge")
    expect(cells.nth(29)).to_be_attached()
    expect(cells.first.locator(".kfnb-Badge")).to_contain_text("s0")
    assert badges.count() < 25
    cells.nth(28).scroll_into_view_if_needed()
    expect(cells.nth(28).locator(".kfnb-Badge")).to_contain_text("s28")
    assert badges.count() < cells.count() < 100
    page.evaluate("drawAll()")
    expect(badges).to_have_count(100)


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_badges_leave_a_notebook_as_it_is_and_follow_tags_and_code(
    lab: Lab, open_notebook: OpenNotebook, app: str
) -> None:
    page = open_notebook(*CELLS, app=app)
    # Jupyter itself writes down what the kernel tells of its language
    page.wait_for_function("window.jupyterapp.shell.currentWidget.model.getMetadata('language_info')?.version")
    command(page, "docmanager:save")
    if app == "lab/tree":
        reload(lab, page)
    else:
        page.reload()  # Notebook 7 opens what the address names alone
    shows(page, "", "load", "shared", "train", "report")
    kernel_is_idle(page)
    assert in_notebook(page, "panel => panel.context.model.dirty") is False
    in_notebook(page, "panel => panel.content.widgets[1].model.setMetadata('tags', ['step:read'])")
    in_notebook(page, "panel => panel.content.widgets[4].model.deleteMetadata('kfnb')")
    page.get_by_text("scale = 2").click()
    page.keyboard.press("Home")
    page.keyboard.type("%%component prepare\n")
    page.get_by_text("%%component train").click()
    page.keyboard.press("End")
    page.keyboard.type("-it")
    shows(page, "", "read", "prepare", "train-it", "not in the pipeline")


def test_badges_stay_with_their_cells_in_light_and_dark(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*CELLS)
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        shows(page, "", "load", "shared", "train", "report")
        screenshot(page, f"badges-{theme.lower()}")
    kernel_is_idle(page)  # what the kernel tells of itself is written into the notebook, and cannot be undone
    page.get_by_text("rows = [1, 2, 3]").click()
    command(page, "notebook:delete-cell")
    shows(page, "", "shared", "train", "report")
    command(page, "notebook:undo-cell-action")
    shows(page, "", "load", "shared", "train", "report")
    page.get_by_text("rows = [1, 2, 3]").click()
    command(page, "notebook:move-cell-down")
    shows(page, "", "shared", "load", "train", "report")
    command(page, "notebook:duplicate-below")
    shows(page, "", "shared", "load", "load", "train", "report")
    command(page, "notebook:change-cell-to-markdown")
    command(page, "notebook:change-cell-to-code")
    shows(page, "", "shared", "load", "load", "train", "report")


def test_cells_that_leave_the_page_come_back_with_their_badges(settings: Settings, open_notebook: OpenNotebook) -> None:
    settings("@jupyterlab/notebook-extension:tracker", windowingMode="full")
    page = open_notebook(*(cell(f"n = {n}", f"step:s{n}") for n in range(120)))
    expect(page.locator(".jp-Notebook").get_by_text("s119", exact=True)).to_have_count(0)
    for number in (119, 0, 60):
        scroll_to_cell(page, number)
        expect(page.locator(".jp-Notebook").get_by_text(f"s{number}", exact=True)).to_be_in_viewport()


def test_badges_can_be_switched_off(settings: Settings, open_notebook: OpenNotebook) -> None:
    settings("kfnb:badges", showBadges=False)
    page = open_notebook(*CELLS)
    expect(page.locator(".kfnb-Badge")).to_have_count(4)
    shows(page, "", "", "", "", "")


@pytest.mark.own_page  # without plugins
def test_each_plugin_does_without_the_others(lab: Lab, open_notebook: OpenNotebook) -> None:
    with disabled(lab, "kfnb:badges", "kfnb:marks"):
        page = open_notebook(*CELLS)
        side = panel(page)
        press_run(page)
        expect(side.locator('.kfnb-Dag-box[data-state="succeeded"]')).to_have_count(3)
        expect(page.locator(".kfnb-Badge")).to_have_count(0)
    with disabled(lab, "kfnb:sidebar", "kfnb:commands", "kfnb:start"):
        page = open_notebook(*CELLS)
        shows(page, "", "load", "shared", "train", "report")
        expect(page.get_by_text("Run pipeline")).to_have_count(0)
