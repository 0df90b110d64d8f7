"""The view in a real kernel: what a page is told, while a cell runs and after it; what it may ask; what a notebook keeps."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.notebooks import Json, cell
from tests.widgets.kernels import BEGIN, SVG, Page, as_code, gate, opened

THREADS = "print(sorted(t.name for t in threading.enumerate() if 'kfnb-view' in t.name))"
VIEWS = "from kfnb.widgets.run_view import PipelineView, RunView, show_run"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def three(folder: Path) -> str:
    """A step that prints and waits for the file ``go``, one that fails until there is a file ``mended``, a handler."""
    mended = f"import pathlib\nif not pathlib.Path({str(folder / 'mended')!r}).exists():\n    rows / 0\nlast = rows"
    return as_code(
        cell("rows: int = 3", "parameters"),
        cell(
            f"print('\\x1b[31mepoch 3 of 10\\x1b[0m')\n{gate(folder, 'go')}print('went on')\nmade = rows", "step:make"
        ),
        cell(f"rows = made\n{mended}", "step:use"),
        cell("print('cleaned')", "step:clean", "exit"),
    )


def state_of(told: Json, step: str) -> str | None:
    found = told.get("steps", {}).get(step)
    return found["state"] if found else None


def ended(told: Json) -> bool:
    return (told.get("run") or {}).get("state") in ("succeeded", "failed", "cancelled")


def test_a_run_is_followed_cancelled_and_retried_while_another_cell_runs(front: Page, tmp_path: Path) -> None:
    front.run(f"{VIEWS}\nrun = start({three(tmp_path)})\nview = show_run(run)")
    model = front.live()
    opened_with = front.models()[model]["shown"]
    assert [b["step"] for b in opened_with["graph"]["boxes"]] == ["make", "use", "clean"]
    assert opened_with["steps"].keys() == {"make", "use", "clean"} and opened_with["form"] is None
    beside = front.subshell()
    busy = front.begin(f"{gate(tmp_path, 'busy')}")
    told = front.until_told(model, lambda c: (c.get("steps", {}).get("make") or {}).get("percent") == 30)
    assert told["steps"]["make"]["line"] == "epoch 3 of 10"
    assert not any("log" in c for _, c in front.told(model)), "no log was asked for"
    # asked where the front asks for it: beside the cell that runs
    front.ask(model, beside, do="choose", step="make")
    assert front.until_told(model, lambda c: "log" in c)["log"]["lines"] == ["\x1b[31mepoch 3 of 10\x1b[0m"]
    front.ask(model, beside, do="cancel")
    front.until_told(model, lambda c: c.get("received") == 1)
    front.until_told(model, lambda c: state_of(c, "make") == "cancelled")
    told = front.until_told(model, ended)
    assert told["run"]["state"] == "cancelled"
    front.until_picture("■ make   cancelled", "✓ clean")
    front.clear()
    (tmp_path / "go").touch()
    front.send(model, {"method": "custom", "content": {"do": "retry", "number": 2}}, beside)
    front.until_told(model, lambda c: c.get("fresh", False))
    front.until_told(model, lambda c: state_of(c, "use") == "failed")
    error = front.until_told(model, ended)["run"]["error"]
    assert (error["step"], error["cell"], error["type"]) == ("use", 3, "ZeroDivisionError")
    front.until_told(model, lambda c: "went on" in str(c.get("log")))
    (tmp_path / "busy").touch()
    front.end(busy)
    # taken up again from elsewhere: seen when somebody looks
    (tmp_path / "mended").touch()
    front.run("again = Run(run.id).retry('use').wait()")
    front.clear()
    front.ask(model, do="look")
    assert front.until_told(model, ended)["run"]["state"] == "succeeded"
    assert front.run(THREADS) == "[]\n"


def test_one_thread_follows_a_run_for_all_its_views_and_ends_with_the_last(front: Page, tmp_path: Path) -> None:
    front.run(f"{VIEWS}\nrun = start({three(tmp_path)})\none, other = show_run(run), show_run(Run(run.id))")
    name = front.run("print(run.id)").strip()
    assert front.run(THREADS) == f"['kfnb-view-{name}']\n"
    assert front.run(f"one.close(), one.close()\n{THREADS}") == f"['kfnb-view-{name}']\n"
    assert front.run(f"other.close()\nother.finish(5)\n{THREADS}") == "[]\n"
    front.run("run.cancel()\nlast = show_run(run)\nlast.finish()")
    assert front.run(THREADS) == "[]\n"


def test_a_pipeline_is_filled_in_and_run(front: Page, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    (tmp_path / "mended").touch()
    front.run(
        f"{VIEWS}\nCODE = {three(tmp_path)}\nasked = []\n"
        "def begin(given, target):\n    asked.append((given, target, threading.current_thread() is threading.main_thread()))\n"
        "    return start(CODE, given, target)\n"
        "view = PipelineView(build_source(source(CODE)), begin, ['local', 'prod'])\nview.display()"
    )
    model = front.live()
    shown = front.models()[model]["shown"]
    assert shown["form"] == {"parameters": [{"name": "rows", "type": "int", "default": "3"}], "targets": ["local", "prod"]}  # fmt: skip
    assert shown["run"] is None and shown["steps"] == {}
    assert front.picture()["text/plain"].startswith("notebook\nparameters  rows: int = 3\nmake ")
    front.ask(model, do="run", parameters={"rows": "many"}, target="local")
    told = front.until_told(model, lambda c: "fields" in (c.get("notice") or {}))["notice"]
    assert told["fields"] == {"rows": "`many` is not a whole number (int)"}
    front.ask(model, do="run", parameters={}, target="prod")
    assert (
        "prod" in front.until_told(model, lambda c: "prod" in (c.get("notice") or {}).get("text", ""))["notice"]["text"]
    )
    front.ask(model, do="run", parameters={"rows": "4"}, target="local")
    assert front.until_told(model, ended)["run"]["parameters"] == {"rows": 4}
    front.until_picture("✓ notebook · succeeded", "✓ use")
    assert front.run("print(asked[-1])") == "({'rows': '4'}, 'local', False)\n"
    assert front.run("print(view.run['use']['last'])") == "4\n"


def test_a_frame_is_folded_for_the_page_and_stays_so_when_the_page_asks_again(front: Page) -> None:
    functions = (
        "from kfnb import component\n@component\ndef fetch(n):\n    return n\n@component\ndef look(n):\n    print(n)"
    )
    code = as_code(cell(functions), cell("%%pipeline both\nfor n in [1, 2]:\n    look(fetch(n))"))
    front.run(f"{VIEWS}\nrun = start({code})\nview = show_run(run)\nview.finish()")
    model = front.live()
    (frame,) = front.models()[model]["shown"]["graph"]["frames"]
    front.ask(model, do="fold", frame=frame["id"])
    graph = front.until_told(model, lambda c: "graph" in c)["graph"]
    assert [(b["step"], b["steps"]) for b in graph["boxes"]] == [(frame["id"], ["fetch", "look"])]
    front.ask(model, do="again")
    assert front.until_told(model, lambda c: "form" in c)["graph"] == graph
    assert front.run("print([b.step for b in view.graph.boxes])") == "['fetch', 'look']\n", "the picture has the whole"
    front.clear()
    front.ask(model, do="fold", frame=frame["id"])
    assert front.until_told(model, lambda c: "graph" in c)["graph"]["frames"] == [frame]


def test_a_figure_that_a_cell_has_begun_is_not_drawn_by_a_click(front: Page, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    front.run(f"%matplotlib inline\n{VIEWS}\nrun = start({three(tmp_path)})\nview = show_run(run)\nview.finish()")
    model, beside = front.live(), front.subshell()
    cell_ = front.begin(f"import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('begun')\n{gate(tmp_path, 'figure')}plt.title('whole')\nprint(len(plt.get_fignums()))")  # fmt: skip
    front.until(lambda _, m: m["msg_type"] == "stream" and "begun" in m["content"]["text"], cell_)
    front.end(front.ask(model, beside, do="choose", step="make"))
    (tmp_path / "figure").touch()
    assert front.end(cell_) == "begun\n1\n"
    assert sum("image/png" in one for one in front.outputs()) == 1


def test_the_front_ends_that_show_widgets_only_get_one_output_with_everything(front: Page, tmp_path: Path) -> None:
    front.run(f"__vsc_ipynb_file__ = '/x.ipynb'\n{VIEWS}\nrun = start({three(tmp_path)})\nview = show_run(run)\ndel __vsc_ipynb_file__")  # fmt: skip
    model = front.live()
    assert front.picture()[WIDGET_VIEW]["model_id"] == model
    front.until_told(model, lambda c: (c.get("steps", {}).get("make") or {}).get("percent") == 30)
    (tmp_path / "go").touch()
    front.run("view.finish()")
    updates = [m for _, m in front.heard if m["msg_type"] == "update_display_data"]
    assert len(updates) == 1 and "✗ use" in front.picture()["text/plain"], "the widget is drawn anew with every update"


def test_a_notebook_that_was_executed_keeps_the_last_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    (tmp_path / "go").touch()
    (tmp_path / "mended").touch()
    cells = [f"{BEGIN}\n{VIEWS}\nrun = start({three(tmp_path)})\nview = show_run(run)", "run.wait().state"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in cells])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {SVG, "text/plain"} and "✓ use" in output.data["text/plain"]
    assert 'data-step="use" data-state="succeeded"' in output.data[SVG]
    html, _ = HTMLExporter().from_notebook_node(notebook)
    pictures = [base64.b64decode(p).decode() for p in re.findall('<img [^>]*src="data:image/svg.xml;base64,([^"]+)"', html)]  # fmt: skip
    assert [p for p in pictures if 'data-step="use" data-state="succeeded"' in p]


def test_without_the_libraries_the_same_is_shown_and_asked_in_other_ways(tmp_path: Path) -> None:
    env = {**os.environ, "KFNB_HOME": str(tmp_path / "home")}
    with opened(env, "anywidget", "ipywidgets") as page:
        page.run(f"{VIEWS}\nrun = start({three(tmp_path)})\nview = show_run(run)")
        busy = page.begin(gate(tmp_path, "go"))
        shown = page.until_picture("epoch 3 of 10")
        assert shown["text/plain"].startswith("▶ notebook · running") and shown.keys() == {SVG, "text/plain"}
        (tmp_path / "go").touch()
        page.end(busy)
        page.until_picture("✗ use", "step use, cell 3, line 4: ZeroDivisionError: division by zero")
        assert not page.models() and len(page.outputs()) == 1
        # the same kernel, as if ipywidgets were installed
        (tmp_path / "go").unlink()
        page.clear()
        page.run(f"del sys.modules['ipywidgets']\nview = PipelineView(build_source(source({three(tmp_path)})), lambda g, t: start({three(tmp_path)}, g, t), ['local', 'prod'])\nview.display()")  # fmt: skip
        buttons = {s["description"]: name for name, s in page.models().items() if s.get("_model_name") == "ButtonModel"}
        assert list(buttons) == ["Cancel", "Retry", "Run", "Submit to prod"]
        field = next(name for name, s in page.models().items() if s.get("_model_name") == "TextModel")
        busy = page.begin(gate(tmp_path, "busy"))
        beside = page.subshell()
        press = {"method": "custom", "content": {"event": "click"}}
        page.send(field, {"method": "update", "state": {"value": "x"}, "buffer_paths": []}, beside)
        page.send(buttons["Run"], press, beside)
        page.until(lambda _, m: "is not a whole number" in str(m["content"]))
        page.send(field, {"method": "update", "state": {"value": "5"}, "buffer_paths": []}, beside)
        page.send(buttons["Run"], press, beside)
        page.until_picture("epoch 3 of 10")
        page.send(buttons["Cancel"], press, beside)
        page.until_picture("■ make   cancelled")
        (tmp_path / "busy").touch()
        page.end(busy)
        page.run("print('done')")


def test_in_a_terminal_a_view_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from kfnb.client.run_object import Run
    from kfnb.widgets.run_view import show_run
    from tests.running import Here

    here = Here(tmp_path)
    run = here.run(cell("x = 1", "step:make"))
    show_run(Run(run["run"], here.store.home))
    assert "✓ make  succeeded" in capsys.readouterr().out
