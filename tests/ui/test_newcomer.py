"""The way of somebody new: a notebook is made, marked, run, mended, retried, scheduled on a cluster and compared; by keyboard alone, and by mouse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.cluster.kube_api import Cluster
from tests.ui.conftest import Lab
from tests.ui.helpers import (
    badge,
    has_state,
    is_uncovered,
    kernel_is_idle,
    palette,
    press,
    press_run,
    screenshot,
    tab_to,
)

pytestmark = [pytest.mark.slow, pytest.mark.own_page]

ROWS = "rows = [3, 4, 5]\nprint(len(rows), 'rows')"
MEAN = "mean = sum(rows) / ({})\nprint('the mean is', mean)"
LOADED, AVERAGE = "rows", "mean"  #: the steps' names, which kfnb suggests


class ByKeyboard:
    """What one does who has no mouse."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run(self, command: str, *menus: str) -> None:
        palette(self.page, command)

    def new_notebook(self) -> None:
        self.run("New Notebook")

    def run_pipeline(self) -> None:
        press(self.page, "Control+Alt+Enter")

    def press(self, control: Locator) -> None:
        tab_to(self.page, control)
        press(self.page, "Enter")

    def press_before(self, control: Locator) -> None:
        """Press a button that stands before what has the focus."""
        tab_to(self.page, control, "Shift+Tab")
        press(self.page, "Enter")

    def tick(self, control: Locator) -> None:
        tab_to(self.page, control)
        press(self.page, "Space")

    def write(self, number: int, code: str) -> None:
        """Replace the code of the cell with this number, which is the one that is active."""
        press(self.page, "Enter", "ControlOrMeta+a")
        self.page.keyboard.type(code)
        press(self.page, "Escape")

    def add_cell(self) -> None:
        press(self.page, "b")

    def choose(self, field: Locator, option: str) -> None:
        tab_to(self.page, field)
        self.page.keyboard.type(option)

    def accept(self, dialog: Locator) -> None:
        expect(dialog).to_be_visible()
        press(self.page, "Enter")

    def to_notebook(self) -> None:
        press(self.page, "ControlOrMeta+Shift+[")


class ByMouse:
    """What one does who has one; text is typed."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def run(self, command: str, *menus: str) -> None:
        first, *rest = menus
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{first}$")).click()
        for item in (*rest, command):
            found = self.page.locator(".lm-Menu-item", has=self.page.get_by_text(item, exact=True))
            found.last.click()

    def new_notebook(self) -> None:
        self.run("Notebook", "File", "New")

    def run_pipeline(self) -> None:
        press_run(self.page)

    def press(self, control: Locator) -> None:
        control.click()

    press_before = tick = press

    def write(self, number: int, code: str) -> None:
        self.page.locator(".jp-Notebook .jp-CodeCell .cm-content").nth(number).click()
        press(self.page, "ControlOrMeta+a")
        self.page.keyboard.type(code)

    def add_cell(self) -> None:
        self.page.locator(".jp-NotebookPanel-toolbar [data-command='notebook:insert-cell-below']").click()

    def choose(self, field: Locator, option: str) -> None:
        field.select_option(option)

    def accept(self, dialog: Locator) -> None:
        dialog.locator(".jp-mod-accept").click()

    def to_notebook(self) -> None:
        self.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab", has_text=".ipynb").first.click()


@pytest.fixture
def prod(lab: Lab, kube: Cluster) -> Iterator[Cluster]:
    """The cluster of the target `prod`, which the user has."""
    config = lab.home / "xdg_config_home" / "kfnb" / "kfnb.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    kubeconfig = json.dumps(str(lab.home / "kubeconfig"))
    config.write_text(f'[targets.prod]\nengine = "argo"\nkubeconfig = {kubeconfig}\npackages = "none"\n')
    yield kube
    config.unlink()


@pytest.mark.parametrize("way", [ByKeyboard, ByMouse])
def test_a_newcomers_way(way: type[ByKeyboard] | type[ByMouse], lab: Lab, page: Page, prod: Cluster) -> None:
    user, taken = way(page), 0

    def picture(name: str) -> None:
        nonlocal taken
        taken += 1
        screenshot(page, f"newcomer-{way.__name__.removeprefix('By').lower()}-{taken}-{name}")

    # a new notebook
    page.goto(f"{lab.url}/lab?token={lab.token}&reset")
    expect(page.locator(".jp-Launcher")).to_be_visible()
    is_uncovered(page)
    picture("launcher")
    user.new_notebook()
    user.accept(page.get_by_role("dialog"))
    kernel_is_idle(page)
    user.write(0, ROWS)
    user.run("Make This Cell a Step", "Run", "Pipeline")
    expect(badge(page, LOADED)).to_be_visible()
    user.add_cell()
    user.write(1, MEAN.format("len(rows) - 3"))
    user.run("Make This Cell a Step", "Run", "Pipeline")
    expect(badge(page, AVERAGE)).to_be_visible()
    picture("marked")

    # run: it fails, and is mended and retried
    user.run_pipeline()
    has_state(page, AVERAGE, "failed")
    expect(page.get_by_text("ZeroDivisionError").first).to_be_visible()
    picture("failed")
    user.write(1, MEAN.format("len(rows)"))
    user.run("Retry From Here", "Run")
    has_state(page, AVERAGE, "succeeded")
    has_state(page, LOADED, "succeeded")
    picture("retried")

    # scheduled on a cluster
    user.run("Schedule This Notebook…", "Run", "Pipeline")
    form = page.get_by_role("form", name="New schedule")
    expect(form.get_by_label("How often")).to_be_focused()
    user.choose(form.get_by_label("Target"), "prod")
    picture("schedule-form")
    user.press(form.get_by_role("button", name="Make the Schedule"))
    expect(page.get_by_role("region", name="All schedules")).to_contain_text("prod")
    assert any(plural == "cronworkflows" for plural, _, _ in prod.objects)
    picture("scheduled")

    # another run, and both compared
    user.to_notebook()
    user.run_pipeline()
    has_state(page, AVERAGE, "succeeded")
    user.run("All Runs", "Run", "Pipeline")
    view = page.locator(".kfnb-AllRuns")
    boxes = view.locator("tbody").get_by_role("checkbox")
    for number in (0, 1):
        expect(boxes.nth(number)).to_be_visible()
        user.tick(boxes.nth(number))
    user.press_before(view.get_by_role("button", name="Compare 2 runs"))
    expect(page.locator(".kfnb-Comparison thead th")).to_have_count(2)
    picture("compared")
