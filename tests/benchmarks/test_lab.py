"""What a user feels in the browser: from the click to the live badge, typing in a long notebook, 200 steps going live."""

from __future__ import annotations

import json
import statistics
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.benchmarks.measure import report
from tests.benchmarks.page_work import busy, report_tasks, traced_tasks
from tests.notebooks import cell, notebook, write
from tests.ui.conftest import Lab, OpenNotebook, disabled
from tests.ui.helpers import has_state, is_uncovered, kernel_is_idle, press_run

CELLS = tuple(
    cell(f"import time\ntime.sleep(0.2)\nv{n} = {n}", f"step:s{n}", *([f"after:s{n - 1}"] if n else []))
    for n in range(6)
)
WATCH = """() => {
    window.seen = [];
    new MutationObserver(list => list.forEach(change => {
        const { state } = change.target.dataset;
        if (state) {
            window.seen.push([change.target.querySelector('.kfnb-Badge-name').textContent, state, Date.now() / 1000]);
        }
    })).observe(document.body, { subtree: true, attributes: true, attributeFilter: ['data-state'] });
    document.addEventListener('pointerdown', () => { window.clicked = window.clicked ?? Date.now() / 1000; }, true);
}"""


def test_from_click_and_from_a_steps_end_to_the_badge(lab: Lab, open_notebook: OpenNotebook) -> None:
    """Bars: at most 400 ms from the click to the first live badge, at most 150 ms from a step's end to its badge."""
    waits, answers, delays, bare = [], [], [], []
    for _ in range(3):
        page = open_notebook(*CELLS)
        has_state(page, "s0", "")
        page.evaluate(WATCH)
        press_run(page)
        has_state(page, "s5", "succeeded")
        seen = page.evaluate("window.seen")
        clicked = page.evaluate("window.clicked")
        waits.append(min(at for _, _, at in seen) - clicked)
        answers.append(min(at for _, state, at in seen if state == "running") - clicked)
        run = lab.ask("GET", "kfnb/api/v1/runs?count=1")["runs"][0]["run"]
        ends = {s["path"]: s["finished"] for s in lab.ask("GET", f"kfnb/api/v1/runs/{run}")["steps"]}
        delays += [at - ends[step] for step, state, at in seen if state == "succeeded"]
        path = page.url.split("/")[-1].split("?")[0]
        notebook = json.loads((lab.root / path).read_text())
        began = time.perf_counter()
        lab.ask("POST", "kfnb/api/v1/runs", {"notebook": notebook, "path": path})
        bare.append(time.perf_counter() - began)
    report(
        "from the click to the first live badge, against the server's answer",
        statistics.median(waits),
        statistics.median(bare),
        "400 ms",
    )
    report(
        "from the click to the first badge that runs, against the server's answer",
        statistics.median(answers),
        statistics.median(bare),
        "400 ms",
    )
    report("from a step's end to its badge, against one frame", statistics.median(delays), 1 / 60, "150 ms")
    assert statistics.median(answers) <= 0.4 and statistics.median(delays) <= 0.15


LONG = tuple(cell(f"value_{n} = {n}\nprint(value_{n})", f"step:s{n}") for n in range(500))
KEYS = 40


@pytest.fixture
def long_notebook(lab: Lab) -> str:
    return write(lab.root, notebook(*LONG), f"{time.monotonic_ns()}.ipynb").name


def is_complete(page: Page, cells: int) -> None:
    """Wait until JupyterLab, which draws cells out of sight when it has nothing else to do, has drawn all of them."""
    page.wait_for_function("cells => document.querySelectorAll('.jp-Notebook .cm-editor').length === cells", arg=cells)
    kernel_is_idle(page)


def load_and_type(page: Page, traced: CDPSession, lab: Lab, path: str, steps: bool) -> tuple[float, list[float]]:
    """What the main thread works to load the notebook, and for each of 40 keys typed into its tenth cell; seconds."""
    page.goto(f"/api/status?token={lab.token}")  # the server's own process in the browser, with little in it
    before = busy(traced)
    page.goto(f"/lab/tree/{path}?token={lab.token}&reset")
    expect(page.locator(".jp-Notebook .jp-Cell").first).to_be_visible()
    is_uncovered(page)
    is_complete(page, len(LONG))
    expect(page.locator(".kfnb-Badge")).to_have_count(len(LONG) if steps else 0)
    loaded = busy(traced) - before
    page.get_by_text("value_9 = 9", exact=True).click()
    page.keyboard.press("End")
    spent = []
    for _ in range(KEYS):
        before = busy(traced)
        page.keyboard.press("1")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 60)))")
        spent.append(busy(traced) - before)
    return loaded, spent


def test_a_long_notebook(lab: Lab, page: Page, traced: CDPSession, long_notebook: str) -> None:
    """Bars: 500 cells load with at most 5 % more work than without the extension, and a key takes at most 3 ms more.

    The first load of either fills the browser's caches and does not count. Each comes first as often as second, because
    the machine's speed drifts by more than the bar.
    """
    loads: dict[bool, list[float]] = {True: [], False: []}
    keys: dict[bool, list[float]] = {True: [], False: []}
    for count, extension in enumerate((True, False, False, True, True, False, False, True, True, False)):
        with nullcontext() if extension else disabled(lab, "kfnb"):
            loaded, spent = load_and_type(page, traced, lab, long_notebook, extension)
        if count >= 2:
            loads[extension].append(loaded)
            keys[extension] += spent
    more = statistics.mean(loads[True]) / statistics.mean(loads[False]) - 1
    report("500 cells loaded, with the extension and without", *map(statistics.mean, loads.values()), "5 % more")
    one, other = statistics.median(keys[True]), statistics.median(keys[False])
    report("a key typed in 500 cells, with the extension and without", one, other, "3 ms more")
    print(f"loads {loads}; mean of keys {statistics.mean(keys[True]):.4f} and {statistics.mean(keys[False]):.4f} s")
    assert more <= 0.05 and one - other <= 0.003


def ours(profile: dict[str, Any]) -> float:
    """Seconds in a CPU profile that were spent in the extension and in what it called."""
    nodes = {n["id"]: n for n in profile["nodes"]}
    parents = {child: n["id"] for n in profile["nodes"] for child in n.get("children", ())}

    def in_extension(node: int | None) -> bool:
        while node is not None:
            if "/extensions/kfnb/" in nodes[node]["callFrame"]["url"]:
                return True
            node = parents.get(node)
        return False

    pairs = zip(profile["samples"], profile["timeDeltas"], strict=True)
    return sum(delta for node, delta in pairs if in_extension(node)) / 1e6


def test_activation(lab: Lab, page: Page, traced: CDPSession) -> None:
    """Bar: at most 300 ms, from the page's opening to the badges of a notebook of ten steps."""
    path = write(lab.root, notebook(*LONG[:10]), f"{time.monotonic_ns()}.ipynb").name
    spent = []
    for _ in range(3):
        traced.send("Profiler.enable")
        traced.send("Profiler.start")
        page.goto(f"/lab/tree/{path}?token={lab.token}&reset")
        is_uncovered(page)
        expect(page.locator(".kfnb-Badge:visible")).to_have_count(10)
        spent.append(ours(traced.send("Profiler.stop")["profile"]))
    ready = page.evaluate("performance.now()") / 1000
    report("the extension at the page's start, against all of the start", statistics.median(spent), ready, "300 ms")
    assert statistics.median(spent) <= 0.3


def test_two_hundred_steps_do_not_hold_the_page_up(lab: Lab, open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """Bar: no task of the page takes more than 50 ms of the processor while 200 steps go live.

    By the clock a task can take longer: the steps want the same processors.
    """
    page = open_notebook(*(cell(f"v{n} = {n}", f"step:s{n}") for n in range(200)))
    has_state(page, "s0", "")
    is_complete(page, 200)
    with traced_tasks(page, tmp_path / "trace.json") as tasks:
        press_run(page)
        page.wait_for_function(
            """async () => {
                const { runs } = await (await fetch('/kfnb/api/v1/runs?count=1')).json();
                return runs[0]?.state === 'succeeded';
            }""",
            polling=500,
        )
    report_tasks("200 steps that go live", tasks, "at most 50 ms")
    assert tasks[0][0] <= 50
