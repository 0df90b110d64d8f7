"""The run view in a page: live beside busy cells, with and without widget libraries, and in a notebook that was saved."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks import Json, cell
from tests.ui.conftest import Console, Gates, Lab, OpenFile, OpenNotebook, reload
from tests.ui.helpers import command, in_notebook, kernel_is_idle, screenshot, set_theme
from tests.ui.test_hard import violations
from tests.ui.test_world import run_cell
from tests.widgets.kernels import BEGIN, SVG, as_code, opened

pytestmark = pytest.mark.slow

COLOURS = "print('\\x1b[31mred\\x1b[0m and \\x1b[1;32mgreen <b>bold</b>\\x1b[0m')"


def pipeline(gates: Gates) -> str:
    """A step that prints and waits at ``wait``, one that fails unless the limit is 3, one that never runs, a handler."""
    return as_code(
        cell("limit: int = 3\nname = 'a & b'\nquick = True", "parameters"),
        cell(f"rows = list(range(limit))\n{COLOURS}\nprint('epoch 3 of 10')\n{gates.code('wait')}", "step:make"),
        cell("print('dividing')\nscore = sum(rows) / (limit - 3)", "step:divide"),
        cell("many = len(rows)", "step:count", "when:limit > 1"),
        cell("print('never')", "step:last", "after:divide"),
        cell("print(kfnb_status['state'])", "step:clean", "exit"),
    )


def shows_pipeline(gates: Gates, missing: str = "") -> Json:
    """A cell that shows the view of a pipeline that was not run yet."""
    gone = "".join(f"import sys; sys.modules[{name!r}] = None\n" for name in missing.split())
    return cell(
        f"{gone}{BEGIN}\nfrom kfnb.widgets.run_view import PipelineView, show_run\nCODE = {pipeline(gates)}\n"
        "def begin(given, target):\n    return start(CODE, given, target)\n"
        "view = PipelineView(build_source(source(CODE)), begin, ['local', 'prod'])\nview.display()",
        metadata={"jupyter": {"source_hidden": True}},
    )


def loop(gates: Gates) -> str:
    """Two steps for each of two items, of which the first waits at ``turn``."""
    wait = gates.code("turn").replace("\n", "\n    ")
    functions = f"from kfnb import component\n\n@component\ndef fetch(n):\n    {wait}\n    return n\n\n@component\ndef show(n):\n    print(n)"
    return as_code(cell(functions), cell("%%pipeline both\nfor n in [1, 2]:\n    show(fetch(n))"))


def ready(open_notebook: OpenNotebook, *cells: Json, app: str = "lab/tree") -> Page:
    """A notebook whose first cell is running or has run."""
    page = open_notebook(*cells, app=app)
    kernel_is_idle(page)
    command(page, "notebook:run-cell")
    return page


def box(page: Page, step: str) -> Locator:
    return page.locator(f'.kfnb-Run .kfnb-Dag-box[data-step="{step}"]')


def stands(page: Page, **states: str) -> None:
    for step, state in states.items():
        expect(box(page, step)).to_have_attribute("data-state", state)


def busy(gates: Gates) -> Json:
    return cell(f"'busy'\n{gates.code('busy')}")


@pytest.mark.parametrize("app", ["lab/tree", "notebooks"])
def test_a_run_is_begun_followed_and_cancelled_while_a_cell_runs(
    open_notebook: OpenNotebook, gates: Gates, app: str
) -> None:
    page = ready(open_notebook, shows_pipeline(gates), busy(gates), app=app)
    view = page.get_by_role("region", name="notebook", exact=True)
    expect(view).to_be_visible()
    run_cell(page, "'busy'")
    gates.reached("busy")
    field = view.get_by_role("textbox", name="limit")
    assert (field.bounding_box() or {"width": 0.0})["width"] > 100  # what is typed can be read
    field.fill("many")
    view.get_by_role("button", name="Run", exact=True).click()
    expect(view.get_by_role("alert")).to_contain_text(["`many` is not a whole number (int)"])
    view.get_by_role("button", name="Submit to prod").click()
    expect(page.locator(".kfnb-Run-message")).to_contain_text("prod")
    view.get_by_role("textbox", name="limit").fill("3")
    view.get_by_role("textbox", name="limit").press("Enter")
    stands(page, make="running", divide="pending")
    box(page, "make").focus()
    page.keyboard.press("Enter")
    log = page.get_by_role("region", name="Log of step make")
    expect(log).to_contain_text("red and green <b>bold</b>")
    expect(log.locator(".ansi-green-fg.ansi-bold")).to_have_text("green <b>bold</b>")
    expect(box(page, "make").locator(".kfnb-Dag-percent")).not_to_have_attribute("width", "0")
    screenshot(page, f"view-running-{app[:3]}")
    page.get_by_role("button", name="Cancel").click()
    stands(page, make="cancelled", clean="succeeded")
    expect(page.locator(".kfnb-Run-waits")).to_be_empty()
    expect(page.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(1)  # the other cell still runs
    gates.open("busy")


def test_a_failure_is_looked_at_and_retried_and_the_saved_notebook_keeps_its_picture(
    lab: Lab, open_notebook: OpenNotebook, open_file: OpenFile, gates: Gates, console: Console
) -> None:
    gates.open("wait")
    page = ready(open_notebook, shows_pipeline(gates))
    page.get_by_role("button", name="Run", exact=True).click()
    stands(page, make="succeeded", divide="failed", last="omitted", count="succeeded", clean="succeeded")
    expect(page.get_by_role("region", name="Log of step divide")).to_contain_text("ZeroDivisionError")
    expect(page.locator(".kfnb-Run-message")).to_contain_text("step divide, cell 3, line 2: ZeroDivisionError")
    page.locator(".kfnb-Run").scroll_into_view_if_needed()
    for theme in ("Light", "Dark", "Dark High Contrast"):
        set_theme(page, f"JupyterLab {theme}")
        assert violations(page, ".kfnb-Run") == [], theme
        screenshot(page, f"view-failed-{theme.lower().replace(' ', '-')}")
    set_theme(page, "JupyterLab Light")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator(".kfnb-Run-told")).to_contain_text("attempt 2")
    stands(page, divide="failed")
    page.wait_for_function(
        "JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON().cells[0].outputs).includes('✗ notebook · failed')"
    )  # the end is told to the live view first
    # the page is opened again: the kernel is still there, and what it shows too
    command(page, "docmanager:save")
    reload(lab, page)
    stands(page, make="succeeded", divide="failed", last="omitted")
    expect(page.locator(".kfnb-Run")).to_have_count(1)
    # the kernel begins anew: what was pressed before is gone, the picture is there
    console.server_may_go = True  # JupyterLab complains that it cannot restore its debugger
    in_notebook(page, "panel => panel.sessionContext.restartKernel()")
    picture = page.locator('.jp-RenderedSVG img[src*="kfnb-"]')
    expect(picture).to_be_visible()
    expect(page.locator(".kfnb-Run")).to_have_count(0)
    # the notebook is opened without its kernel
    path = lab.root / page.url.split("/")[-1].split("?")[0]
    outputs = json.loads(path.read_text())["cells"][0]["outputs"]
    assert [set(one["data"]) for one in outputs] == [{SVG, "text/plain"}]
    assert "✗ divide" in "".join(outputs[0]["data"]["text/plain"])
    for session in lab.ask("GET", "api/sessions"):
        lab.ask("DELETE", f"api/sessions/{session['id']}")
    page = open_file(path)
    expect(page.locator('.jp-RenderedSVG img[src*="data-state%3D%22failed%22"]')).to_be_visible()
    expect(page.get_by_text("model not found")).to_have_count(0)


def test_without_the_libraries(open_notebook: OpenNotebook, gates: Gates) -> None:
    again = f"run = begin({{}}, 'local')\nRUNS\nview.show(run)\n{gates.code('two')}\ndel sys.modules['ipywidgets']\nview.display()\n{gates.code('three')}\ndel sys.modules['anywidget']\n__vsc_ipynb_file__ = ''\nview.display()"
    page = ready(
        open_notebook, shows_pipeline(gates, "anywidget ipywidgets"), cell(again.replace("RUNS", "'text only'"))
    )
    picture = page.locator(".jp-RenderedSVG img")
    expect(picture).to_be_visible()
    run_cell(page, "'text only'")
    expect(page.locator(has("data-step", "make", "running"))).to_be_visible()
    gates.open("wait")
    expect(page.locator(has("data-step", "divide", "failed"))).to_be_visible()
    screenshot(page, "view-picture-only")
    gates.open("two")  # from now on, as if ipywidgets were installed
    box = page.locator(".widget-vbox").first
    expect(box.locator("pre", has_text="ZeroDivisionError: division by zero")).to_be_visible()
    box.get_by_role("textbox").first.fill("many")
    box.get_by_role("button", name="Run", exact=True).click()
    expect(box.get_by_text("is not a whole number")).to_be_visible()
    box.get_by_role("textbox").first.fill("4")
    box.get_by_role("button", name="Run", exact=True).click()
    expect(box.get_by_text("✓ notebook · succeeded")).to_be_visible()
    box.scroll_into_view_if_needed()
    screenshot(page, "view-core")
    gates.open("three")  # and as in a page whose outputs stand in frames: the widget is the output
    stands(page, make="succeeded", divide="succeeded")
    page.locator(".kfnb-Run").get_by_role("button", name="count: if limit > 1: succeeded").click()
    expect(page.locator(".kfnb-Run-logBody")).to_be_visible()


#: What every host of anywidget's front-end modules gives one, in VS Code, in Colab and elsewhere: a model and a place, and
#: neither JupyterLab's styles nor its page. The model is that of a kernel; what is sent to it goes there.
HOST = """async ({ esm, css, state }) => {
    const heard = new Set();
    const model = {
        get: name => state[name],
        set: (name, value) => { state[name] = value; },
        save_changes: () => undefined,
        send: content => window.toKernel(content),
        on: (name, listener) => name === 'msg:custom' && heard.add(listener),
        off: (name, listener) => heard.delete(listener)
    };
    window.fromKernel = content => heard.forEach(listener => listener(content, []));
    document.adoptedStyleSheets = [await new CSSStyleSheet().replace(css)];
    const el = document.body.appendChild(document.createElement('div'));
    const { default: module } = await import(URL.createObjectURL(new Blob([esm], { type: 'text/javascript' })));
    const signal = new AbortController().signal;
    const ends = [await module.initialize({ model, signal }), await module.render({ model, el, signal })];
    window.leave = () => { ends.forEach(end => end()); el.remove(); return heard.size; };
}"""


def test_a_page_that_gives_a_model_and_a_place_is_enough(page: Page, tmp_path: Path, gates: Gates) -> None:
    name, told = "", 0
    with opened({**os.environ, "KFNB_HOME": str(tmp_path / "home")}) as kernel:

        def show(code: str) -> None:
            nonlocal name, told
            kernel.run(f"from kfnb.widgets.run_view import show_run\nview = show_run(start({code}))")
            name, told = kernel.live(), 0
            state = kernel.models()[name]
            page.evaluate(HOST, {"esm": state["_esm"], "css": state["_css"], "state": state})

        def tell(wanted: Callable[[Json], bool]) -> None:
            nonlocal told
            kernel.until_told(name, wanted)
            messages = [content for _, content in kernel.told(name)]
            page.evaluate("messages => messages.forEach(window.fromKernel)", messages[told:])
            told = len(messages)

        page.goto("about:blank")
        page.expose_function("toKernel", lambda content: kernel.send(name, {"method": "custom", "content": content}))
        show(pipeline(gates))
        stands(page, divide="pending")
        tell(lambda c: (c.get("steps", {}).get("make") or {}).get("percent") == 30)
        stands(page, make="running")
        box(page, "make").focus()
        page.keyboard.press("Enter")
        tell(lambda c: "log" in c)
        expect(page.get_by_role("region", name="Log of step make")).to_contain_text("red and green <b>bold</b>")
        gates.open("wait")
        tell(lambda c: (c.get("run") or {}).get("state") == "failed")
        stands(page, make="succeeded", divide="failed", last="omitted", clean="succeeded")
        looks: tuple[tuple[int, Literal["light", "dark"]], ...] = ((900, "light"), (400, "dark"))
        for width, colours in looks:
            page.set_viewport_size({"width": width, "height": 700})
            page.emulate_media(color_scheme=colours)
            screenshot(page, f"view-alone-{colours}-{width}")
        retry = page.get_by_role("button", name="Retry", exact=True)
        expect(retry).to_be_in_viewport(ratio=1)
        retry.click()
        tell(lambda c: c.get("fresh", False))
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        assert page.evaluate("window.leave()") == 0, "what has left the page still listens"
        expect(page.locator(".kfnb-Run")).to_have_count(0)

        # a page in Korean; the frame of a loop is folded and unfolded while its steps go on
        page.evaluate("document.documentElement.lang = 'ko-KR'")
        show(loop(gates))
        expect(page.get_by_role("button", name="취소")).to_be_visible()
        page.get_by_role("button", name="[1, 2] 각각에 대해 접기").click()
        tell(lambda c: "graph" in c)
        folded = page.get_by_role("button", name="[1, 2] 각각에 대해: 실행 중 0/2")
        expect(folded).to_be_visible()
        screenshot(page, "view-folded-korean")
        gates.open("turn")
        tell(lambda c: (c.get("run") or {}).get("state") == "succeeded")
        expect(page.get_by_role("button", name="[1, 2] 각각에 대해: 성공 2/2")).to_be_focused()
        page.keyboard.press("Enter")
        tell(lambda c: bool((c.get("graph") or {}).get("frames")))
        stands(page, fetch="succeeded", show="succeeded")
        expect(page.get_by_role("button", name="[1, 2] 각각에 대해 접기")).to_be_focused()
        assert violations(page, ".kfnb-Run") == []
        screenshot(page, "view-unfolded-korean")


def has(name: str, step: str, state: str) -> str:
    """The picture in which a step has a state."""
    return f'.jp-RenderedSVG img[src*="{name}%3D%22{step}%22%20data-state%3D%22{state}"]'
