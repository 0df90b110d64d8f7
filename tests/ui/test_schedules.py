"""The page of schedules, by keyboard alone: made, paused, run, and deleted; in every theme, and narrow."""

from __future__ import annotations

import getpass
import re

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks import cell
from tests.ui.conftest import Lab, OpenNotebook
from tests.ui.helpers import badge, command, panel, press, screenshot, set_theme
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow


def in_every_theme(page: Page, name: str) -> None:
    for theme in ("JupyterLab Dark High Contrast", "JupyterLab Dark", "JupyterLab Light"):
        set_theme(page, theme)
        screenshot(page, f"schedules-{name}-{theme.removeprefix('JupyterLab ').lower().replace(' ', '-')}")
        assert violations(page, "#kfnb-schedules") == [], theme


def test_a_schedule_is_made_paused_run_and_deleted_by_keyboard(lab: Lab, open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("a = 1", "parameters"), cell("b = a + 1", "step:one"))
    expect(badge(page, "one")).to_be_visible()
    command(page, "kfnb:schedule-notebook")
    form = page.get_by_role("form", name="New schedule")
    expect(form.get_by_label("When the machine was off").get_by_role("option")).to_have_count(3)
    expect(form.get_by_label("How often")).to_be_focused()
    expect(form.get_by_role("status")).to_contain_text("At 06:00 on Monday through Friday")
    expect(form.get_by_role("list", name="Next times").get_by_role("listitem")).to_have_count(5)
    press(page, "Tab", "ControlOrMeta+a")
    page.keyboard.type("61 6 * * *")
    expect(form.get_by_role("status")).to_contain_text("its minute cannot be read")
    press(page, "ControlOrMeta+a")
    page.keyboard.type("30 6 1 * *")
    press(page, "Tab", "ControlOrMeta+a")
    page.keyboard.type("Asia/Seoul")
    expect(form.get_by_role("status")).to_contain_text("At 06:30 on the first day of every month")
    expect(form.get_by_role("listitem").first).to_contain_text("06:30 KST")
    in_every_theme(page, "form")
    form.get_by_label("Name").focus()
    page.keyboard.type("monthly")
    form.get_by_label("a", exact=True).focus()
    page.keyboard.type("41")
    press(page, "Enter")
    shown = page.get_by_role("region", name="Schedule monthly")
    expect(shown).to_contain_text("a = 41")
    side = panel(page).locator("details", has_text="New Schedule…")
    side.get_by_text("Schedules", exact=True).press("Enter")
    told = f"monthly, this machine, of {getpass.getuser()}.*next: .*06:30"
    expect(side.get_by_role("listitem")).to_have_text(re.compile(told))
    screenshot(page, "schedules-side-bar")
    expect(shown).to_contain_text(re.compile("It has not been due yet"))
    shown.get_by_role("button", name="Run Now").press("Enter")
    expect(shown.get_by_role("table")).to_contain_text(re.compile("running|pending|succeeded|started"))
    shown.get_by_role("button", name="Pause").press("Enter")
    row = page.get_by_role("region", name="All schedules").get_by_role("row", name=re.compile("monthly"))
    expect(row).to_contain_text("paused")
    expect(side.get_by_role("listitem")).to_contain_text("paused")
    expect(shown.get_by_role("button", name="Resume")).to_be_visible()
    in_every_theme(page, "page")
    page.set_viewport_size({"width": 700, "height": 900})
    command(page, "application:toggle-left-area")
    screenshot(page, "schedules-narrow")
    page.set_viewport_size({"width": 1900, "height": 900})
    screenshot(page, "schedules-wide")
    shown.get_by_role("button", name="Delete…").press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("the runs that it made stay")
    dialog.get_by_role("button", name="Delete", exact=True).press("Enter")
    expect(page.locator("#kfnb-schedules")).to_contain_text("Nothing runs at set times yet")
    expect(shown).to_have_count(0)
    assert lab.ask("GET", "kfnb/api/v1/schedules")["schedules"] == []
