"""The page of a run with 40, 200 and 1,000 steps: the work until its graph can be used, and the longest task while states change."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import pytest
from playwright.sync_api import CDPSession, Page

from kfnb.pipeline.model import Edge, Pipeline, Step
from kfnb.pipeline.serialize import to_json
from kfnb.runs.kept_pipeline import PIPELINE
from kfnb.runs.record.private_record_files import write_file
from kfnb.runs.record.run_store import RunStore
from tests.benchmarks.measure import report
from tests.benchmarks.page_work import busy, report_tasks, traced_tasks
from tests.notebooks import cell
from tests.ui.conftest import Lab, OpenNotebook
from tests.ui.helpers import kernel_is_idle

WIDE = 8  #: steps side by side
TURNS = 3
OPEN = """async run => {
    const drawn = new Promise(done => {
        const seen = new MutationObserver(() => {
            if (document.querySelector('.kfnb-RunPage .kfnb-Dag-box')) {
                seen.disconnect();
                requestAnimationFrame(() => setTimeout(done));
            }
        });
        seen.observe(document.querySelector('#jp-main-dock-panel'), { subtree: true, childList: true });
    });
    await window.jupyterapp.commands.execute('kfnb:open-run', { run });
    await drawn;
}"""
CLOSE = "() => window.jupyterapp.shell.currentWidget.close()"


def recorded(lab: Lab, count: int) -> tuple[RunStore, str]:
    """A run in the server's own record whose steps have not begun."""
    steps = tuple(Step(f"step_{n}", ()) for n in range(count))
    pairs = [(m, n) for n in range(WIDE, count) for m in {n - WIDE, n - n % WIDE - 1}]
    edges = tuple(Edge(f"step_{m}", f"step_{n}", (), "") for m, n in pairs)
    store = RunStore(lab.home / "kfnb_home")
    run = store.create(f"{count} steps", None, None, "local", {})
    write_file(store.folder(run) / PIPELINE, json.dumps(to_json(Pipeline("large", body=steps, edges=edges))))
    store.record_run(run, "succeeded", started=time.time(), finished=time.time())
    with store.changing():
        for step in steps:
            store.record_step(run, step.name, step.name, "pending", attempts=0)
    return store, run


def opened(page: Page, traced: CDPSession, run: str) -> float:
    """Seconds of the main thread's work until the graph of a run can be used."""
    page.wait_for_timeout(1000)
    before = busy(traced)
    page.evaluate(OPEN, run)
    return busy(traced) - before


@pytest.mark.parametrize(("count", "bar"), [(40, 0.1), (200, 0.3), (1000, 1.0)])
def test_a_large_graph(
    lab: Lab,
    open_notebook: OpenNotebook,
    page: Page,
    traced: CDPSession,
    tmp_path: Path,
    count: int,
    bar: float,
) -> None:
    """Bars: 0.1, 0.3 and 1 s more than with one step, in turn; and no task above 50 ms while states change."""
    open_notebook(cell("1"))
    kernel_is_idle(page)
    one_store, one = recorded(lab, 1)
    store, run = recorded(lab, count)
    large, small = [], []
    for _ in range(TURNS):
        small.append(opened(page, traced, one))
        page.evaluate(CLOSE)
        large.append(opened(page, traced, run))
        page.evaluate(CLOSE)
    mine, other = statistics.median(large), statistics.median(small)
    report(f"opening the page of a run with {count} steps, and with one", mine, other, f"{bar * 1000:.0f} ms more")
    opened(page, traced, run)
    with traced_tasks(page, tmp_path / "trace.json") as tasks:
        for first in range(0, count, 10):
            with store.changing():
                for n in range(first, min(first + 10, count)):
                    store.record_step(run, f"step_{n}", f"step_{n}", "running", started=time.time(), attempts=1)
            time.sleep(0.02)
        page.wait_for_function(
            "count => document.querySelectorAll('.kfnb-RunPage .kfnb-Dag-box[data-state=running]').length === count",
            arg=count,
        )
    report_tasks(f"the states of {count} steps change", tasks, "at most 50 ms")
    store.close()
    one_store.close()
