"""A notebook without marks: nothing of kfnb on its cells until it becomes a pipeline, by the user's choice and with one undo."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell, markdown
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import badge, command, in_notebook, panel, screenshot, set_theme
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow

PLAIN = (
    markdown("# Houses"),
    cell("import random"),
    markdown("## Read"),
    cell("rows = [random.random() for _ in range(5)]"),
    markdown("## Learn"),
    cell("total = sum(rows)"),
    cell("print(total)"),
)


def test_an_unmarked_notebook_shows_nothing_until_the_user_makes_it_a_pipeline(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*PLAIN)
    side = panel(page)
    button = side.get_by_role("button", name="Make this a pipeline…")
    expect(button).to_be_visible()
    expect(page.locator(".kfnb-Badge:visible")).to_have_count(0)
    expect(side.locator(".kfnb-Dag-box")).to_have_count(0)
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Make this a pipeline")
    expect(dialog.get_by_text("2 steps")).to_be_visible()
    expect(dialog.locator(".kfnb-Dag-name")).to_have_text(["read", "learn"])
    dialog.get_by_role("radio", name="A step for each heading").press("ArrowDown")
    expect(dialog.get_by_role("radio", name="A step for each cell")).to_be_checked()
    expect(dialog.locator(".kfnb-Dag-name")).to_have_text(["read", "learn", "show"])
    assert violations(page, ".kfnb-Unmarked") == []
    screenshot(page, "make-pipeline-light")
    set_theme(page, "JupyterLab Dark")
    screenshot(page, "make-pipeline-dark")
    dialog.get_by_role("button", name="Mark the cells").click()
    expect(badge(page, "learn")).to_be_visible()
    expect(badge(page, "shared")).to_be_visible()
    expect(side.locator(".kfnb-Dag-name")).to_have_text(["read", "learn", "show"])
    screenshot(page, "first-marks-dark")
    command(page, "notebook:undo-cell-action")
    expect(page.locator(".kfnb-Badge:visible")).to_have_count(0)
    expect(button).to_be_visible()
    in_notebook(page, "p => p.content.model.cells.get(3).setMetadata('tags', ['step:read'])")
    expect(badge(page, "not in the pipeline")).to_have_count(2)
