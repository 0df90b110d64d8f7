"""How long a user waits in the browser: from the click to the first live badge, from a step's end to its badge."""

from __future__ import annotations

import json
import statistics
import time

from tests.benchmarks.measure import report
from tests.notebooks import cell
from tests.ui.conftest import Lab, OpenNotebook
from tests.ui.test_runs import has_state, press_run

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
