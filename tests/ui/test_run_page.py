"""The page of a run: its graph, timing, steps and actions; by keyboard, in every theme, wide and narrow; and large graphs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks import cell
from tests.ui.conftest import Gates, Lab, OpenNotebook
from tests.ui.helpers import command, has_state, in_notebook, panel, press_run, screenshot, set_theme
from tests.ui.test_hard import violations

pytestmark = pytest.mark.slow


def box(page: Page, step: str) -> Locator:
    return page.locator(f'.kfnb-RunPage .kfnb-Dag-box[data-step="{step}"]')


def edges(part: Locator) -> tuple[float, float]:
    """Where a part of the page begins and ends from left to right, in pixels."""
    place = part.bounding_box()
    assert place
    return place["x"], place["x"] + place["width"]


def run_of(page: Page) -> str:
    return page.locator(".kfnb-RunPage-head code").text_content() or ""


def test_a_run_is_watched_looked_into_and_retried_by_keyboard(
    lab: Lab, open_notebook: OpenNotebook, gates: Gates
) -> None:
    page = open_notebook(
        cell("limit: int = 3", "parameters"),
        cell(f"rows = list(range(limit))\nprint('made')\n{gates.code('wait')}", "step:make"),
        cell("score = 0.43", "step:score"),
        cell("print(v)", "step:each", "foreach:v in range(len(rows) + int(score))"),
        cell("print('published')", "step:publish", "when:len(rows) * score > 9"),
        cell("ratio = score / (limit - 3)", "step:divide"),
        cell("print(ratio)", "step:last"),
    )
    page.set_viewport_size({"width": 1440, "height": 900})
    press_run(page)
    has_state(page, "make", "running")
    command(page, "kfnb:open-run")
    view = page.locator(".kfnb-RunPage")
    expect(box(page, "make")).to_have_attribute("data-state", "running")
    expect(view.get_by_role("button", name="Stop")).to_be_visible()
    gates.open("wait")
    expect(view.locator(".kfnb-RunPage-state")).to_have_text("✗ failed")
    # the user's own expressions, not names of kfnb
    expect(box(page, "when-publish")).to_contain_text("if len(rows) * score > 9")
    expect(view).not_to_contain_text("when-publish")
    expect(view).not_to_contain_text("foreach-each")
    # the graph by keyboard: search, arrows, Enter
    view.get_by_label("Find a step").fill("divid")
    expect(view.locator(".kfnb-Canvas-count")).to_have_text("1 of 1")
    expect(view.locator(".kfnb-mod-found")).to_have_count(1)
    view.get_by_label("Find a step").fill("")
    box(page, "score").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    box(page, "divide").focus()
    page.keyboard.press("Enter")
    expect(view.get_by_role("region", name="Log of step divide")).to_contain_text("ZeroDivisionError")
    window = view.locator(".kfnb-Canvas-window")
    window.focus()
    page.keyboard.press("+")
    page.keyboard.press("+")
    expect(view.locator(".kfnb-Canvas-percent")).not_to_have_text("100 %")
    expect(view.locator(".kfnb-Minimap")).to_be_visible()
    page.keyboard.press("0")
    # the timing
    expect(view.locator(".kfnb-Timing-told")).to_contain_text("Critical path: ")
    view.locator(".kfnb-Timing-name", has_text="make").focus()
    page.keyboard.press("Enter")
    expect(view.get_by_role("region", name="Log of step make")).to_contain_text("made")
    expect(view.get_by_role("region", name="Parameters")).to_contain_text("limit")
    for width, height in ((1440, 900), (900, 700)):
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("Light", "Dark High Contrast", "Dark"):
            set_theme(page, f"JupyterLab {theme}")
            screenshot(page, f"run-page-{width}-{theme.lower().replace(' ', '-')}")
            assert violations(page, ".kfnb-RunPage") == [], (theme, width)
    set_theme(page, "JupyterLab Light")
    # a second attempt, and the page again after a reload and by its link
    box(page, "divide").focus()
    page.keyboard.press("Enter")
    view.get_by_role("button", name="Retry from divide").focus()
    page.keyboard.press("Enter")
    attempts = view.get_by_role("table", name="Attempts")
    expect(attempts).to_contain_text("attempt 2")
    attempts.get_by_role("button", name="attempt 1").click()
    expect(view.get_by_role("region", name="Log of step divide").get_by_label("Attempt")).to_have_value("1")
    # the report, in a tab of its own
    expect(view.get_by_role("button", name="Download Manifest")).to_have_count(0)
    view.get_by_role("button", name="Open Report").focus()
    page.keyboard.press("Enter")
    report = page.frame_locator(".kfnb-Report:visible iframe")
    expect(report.locator("body")).to_contain_text("ZeroDivisionError")
    screenshot(page, "run-report")
    run = run_of(page)
    page.goto(f"{lab.url}/lab?token={lab.token}&reset&kfnb-run={run}")
    expect(page.locator(".kfnb-RunPage-head code")).to_have_text(run)
    page.locator(".kfnb-RunPage").get_by_role("button", name="Open Notebook").click()
    has_state(page, "divide", "failed")
    # another run of the notebook, and what differs
    found = in_notebook(page, "panel => [panel.content.model.toJSON(), panel.context.path]")
    sent = {"notebook": found[0], "path": found[1], "parameters": {"limit": "4"}}
    other = lab.ask("POST", "kfnb/api/v1/runs", sent)["run"]["run"]
    command(page, "kfnb:open-run", run=other)
    view = page.locator(".kfnb-RunPage:visible")
    expect(view.locator(".kfnb-RunPage-state")).to_have_text("✓ succeeded")
    view.get_by_text("Differs from the run before").click()
    expect(view.get_by_role("table", name="Parameters").last).to_contain_text("3 → 4")
    screenshot(page, "run-page-differs")
    view.get_by_role("button", name="Compare both").click()
    expect(page.locator(".kfnb-Comparison:visible")).to_contain_text("limit")


def test_a_box_shows_what_its_step_stands_in_and_its_state(open_notebook: OpenNotebook) -> None:
    functions = "from kfnb import component\n\n@component\ndef measure(city) -> int:\n    return len(city)\n\n@component\ndef show(n):\n    print(n)"
    pipeline = "%%pipeline cities\nfor city in ['Seoul', 'Rome']:\n    n = measure(city)\n    if n > 4:\n        show(n)\n    else:\n        show(0)"
    page = open_notebook(cell(functions), cell(pipeline))
    boxes = panel(page).locator(".kfnb-Dag-box")
    expect(boxes.locator("text")).to_have_text(["measure", "cell 2", "show", "if n > 4", "show-2", "else"])
    press_run(page)
    both, one = re.compile("^✓ .*2/2$"), re.compile("^✓ .*1/2$")
    expect(boxes.locator("text")).to_have_text(["measure", both, "show", "if n > 4", one, "show-2", "else", one])
    screenshot(page, "conditions")
    for box in boxes.all():
        left, right = edges(box.locator("rect").first)
        assert all(left < edges(text)[0] and edges(text)[1] < right for text in box.locator("text").all())
