"""Pictures of the main states in light and dark, for a person to look at: `build/screenshots`. The stories have the third theme."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import badge, command, has_state, panel, press_run, screenshot, set_theme
from tests.ui.test_runs import FAILS

pytestmark = pytest.mark.slow

THEMES = ("Light", "Dark")
FLOW = (
    cell("epochs: int = 4000\nlimit: float = 0.5", "parameters"),
    cell("rows = list(range(100))\nnames = ['ridge', 'lasso']", "step:load"),
    cell(
        "import time\nfor epoch in range(1, epochs + 1):\n    print(f'{name}: epoch {epoch} of {epochs}')\n"
        "    time.sleep(0.25)\nscore = len(name) / 10",
        "step:train",
        "foreach:name in names",
    ),
    cell("print('publishing', max(score))", "step:publish", "when:max(score) > limit"),
    cell("print('the run has', kfnb_status['state'])", "step:clean", "exit"),
)
FIGURE = cell(
    "import matplotlib.pyplot as plt\nimport pandas as pd\nfrom IPython.display import display\n"
    "frame = pd.DataFrame({'x': [1, 2, 3], 'square': [1, 4, 9]})\ndisplay(frame)\n"
    "plt.figure(figsize=(4, 2))\nplt.plot(frame.x, frame.square)\nplt.show()\n"
    "class Page:\n    def _repr_html_(self): return '<b>bold</b><script>alert(1)</script>'\n"
    "page, tree = Page(), {'deep': [1, 2]}",
    "step:plot",
)


def pictures(page: Page, name: str) -> None:
    for theme in THEMES:
        set_theme(page, f"JupyterLab {theme}")
        screenshot(page, f"{name}-{theme.lower().replace(' ', '-')}")
    set_theme(page, f"JupyterLab {THEMES[0]}")


def test_a_run_that_goes_on_and_one_that_was_stopped(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*FLOW)
    panel(page)
    press_run(page)
    expect(badge(page, "train")).to_contain_text("running 0/2")
    badge(page, "train").get_by_role("button", name="Show the log of this step").click()
    expect(page.get_by_role("region", name="Log of step train")).to_contain_text("epoch 2 of 4000")
    pictures(page, "running")
    press_run(page)
    has_state(page, "train", "cancelled")
    has_state(page, "clean", "succeeded")
    pictures(page, "cancelled")


def test_a_failure(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*FAILS)
    panel(page)
    press_run(page)
    has_state(page, "divide", "failed")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("region", name="Log of step divide")).to_contain_text("ZeroDivisionError")
    pictures(page, "failed")


def test_what_a_step_displayed_saw_and_left(open_notebook: OpenNotebook) -> None:
    page = open_notebook(FIGURE)
    press_run(page)
    has_state(page, "plot", "succeeded")
    badge(page, "plot").get_by_role("button", name="Show the log of this step").click()
    log = page.get_by_role("region", name="Log of step plot")
    expect(log.locator("img")).to_be_visible()
    expect(log.locator(".kfnb-Values")).to_contain_text("DataFrame 3 × 2")
    for name in ("frame", "tree", "page"):
        log.get_by_role("button", name=name, exact=True).click()
    table = log.locator(".kfnb-Value-table")
    expect(table.locator("thead th").nth(1)).to_contain_text("1 to 9, mean 4.66667")
    expect(table.locator("tbody tr")).to_have_count(3)
    expect(log.locator(".kfnb-Value-tree").first).to_contain_text("deep: [2]")
    frame = log.locator("iframe.kfnb-Value-frame")
    expect(frame).to_have_attribute("sandbox", "")
    expect(frame.content_frame.locator("b")).to_have_text("bold")
    with page.expect_download() as saved:
        log.get_by_role("button", name="Download").first.click()
    assert saved.value.suggested_filename == "frame.csv"
    page.keyboard.press("Escape")
    log.locator(".kfnb-Values").scroll_into_view_if_needed()
    pictures(page, "displayed")


def test_problems(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell("a = 1", "step:first"), cell("print(a, nowhere)", "step:second", "after:frist"))
    side = panel(page)
    expect(side.locator(".kfnb-Problems")).to_contain_text("nowhere")
    expect(badge(page, "second")).to_contain_text("✗")
    pictures(page, "problems")


def test_notebook_7_has_what_jupyterlab_has(open_notebook: OpenNotebook) -> None:
    page = open_notebook(*FAILS, app="notebooks")
    press_run(page)
    has_state(page, "divide", "failed")
    screenshot(page, "notebook-7")
    # its side bars have no icons: the button of the notebook's toolbar opens the panel
    page.locator('[data-jp-item-name="kfnb-panel"] jp-button').click()
    side = page.locator("#kfnb-panel")
    expect(side.locator('.kfnb-Dag-box[data-step="divide"]')).to_have_attribute("data-state", "failed")
    screenshot(page, "notebook-7-panel")
    # its main area holds the notebook only: pages open below it, and come back to it
    side.get_by_role("button", name="Open its page").click()
    expect(page.locator(".kfnb-RunPage-state")).to_have_text("✗ failed")
    screenshot(page, "notebook-7-run-page")
    tabs = len(page.context.pages)
    page.locator(".kfnb-RunPage").get_by_role("button", name="Open Notebook").click()
    side.get_by_role("button", name="All runs of all notebooks").click()
    row = page.locator(".kfnb-AllRuns tbody tr").first
    expect(row).to_be_visible()
    row.locator("td .kfnb-AllRuns-open").click()
    assert len(page.context.pages) == tabs, "the notebook is open already"
    command(page, "apputils:activate-command-palette")
    page.keyboard.type("Schedule This Notebook")
    page.keyboard.press("Enter")
    expect(page.get_by_role("form", name="New schedule").get_by_label("How often")).to_be_visible()
    screenshot(page, "notebook-7-schedules")
    badge(page, "divide").get_by_role("button", name="More for this step").click()
    expect(page.get_by_role("menuitem", name="Retry From Here")).to_be_visible()
    page.keyboard.press("Escape")
    below = page.locator("#jp-down-stack [role=tab]")
    words = below.all_inner_texts()
    assert len(words) == 3
    below.filter(has_text="All Runs").locator(".lm-TabBar-tabCloseIcon").click()
    page.reload()
    expect(below).to_have_count(2)
    for word in words:  # a page has its name when its run is there
        expect(below.filter(has_text=word)).to_have_count(0 if word == "All Runs" else 1)
    expect(page.locator(".kfnb-RunPage-state")).to_have_text("✗ failed")
    screenshot(page, "notebook-7-reloaded")
