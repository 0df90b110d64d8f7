"""Runs that a cell begins, not the button: they show on the cells as well."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.notebooks import cell
from tests.ui.conftest import Gates, OpenNotebook
from tests.ui.helpers import has_state, kernel_is_idle, panel
from tests.ui.test_world import run_cell, two_steps

pytestmark = pytest.mark.slow


def test_a_run_that_a_cell_waits_for_is_live_on_the_cells(open_notebook: OpenNotebook, gates: Gates) -> None:
    page = open_notebook(*two_steps(gates), cell("%load_ext kfnb\nrun = %pipeline run --wait\nrun['first']['last']"))
    kernel_is_idle(page)
    run_cell(page, "run = ")
    has_state(page, "first", "running")
    expect(page.locator(".jp-Cell").last.locator(".jp-InputPrompt")).to_have_text("[*]:")
    gates.open("one")
    has_state(page, "second", "running")
    gates.open("two")
    has_state(page, "second", "succeeded")
    expect(page.locator(".jp-OutputArea-executeResult")).to_contain_text("199")
    expect(panel(page).locator(".kfnb-Runs")).to_contain_text("succeeded")
