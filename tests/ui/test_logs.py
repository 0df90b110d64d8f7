"""The log of a step: long ones by parts, a search over all of it, figures and tables in their places."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.notebooks import cell
from tests.ui.conftest import OpenNotebook
from tests.ui.helpers import has_state, log_of, press_run
from tests.ui.test_pictures import pictures

pytestmark = pytest.mark.slow

LINES, ROWS, COLUMNS = 100_000, 5_000, 200
LONG = f"""from IPython.display import HTML, display
import matplotlib.pyplot as plt
print('the needle at the top')
for n in range({LINES}): print('line', n)
for n in range(2):
    plt.figure(figsize=(3, 1)); plt.plot([n, 1]); plt.show()
    print('under figure', n)
cells = ''.join(f'<td>{{n % 10}}</td>' for n in range({COLUMNS}))
head = ''.join(f'<th>c{{n}}</th>' for n in range({COLUMNS}))
display(HTML(f'<table class="dataframe"><thead><tr><th></th>{{head}}</tr></thead><tbody>' + ''.join(f'<tr><th>{{n}}</th>{{cells}}</tr>' for n in range({ROWS})) + '</tbody></table>'))
print('a needle at the end')"""
LONGEST_TASK = 200  # milliseconds, on a machine that takes `YARDSTICK` for its own task
YARDSTICK = 25  # milliseconds
#: The time that a page takes to make and lay out 5,000 rows: how much slower than alone this machine is now.
MEASURE = """() => Math.max(...[1, 2, 3, 4, 5].map(() => {
    const begin = performance.now();
    const list = document.createElement('div');
    for (let n = 0; n < 5000; n++) list.append(Object.assign(document.createElement('div'), { textContent: `row ${n}` }));
    document.body.append(list);
    list.getBoundingClientRect();
    list.remove();
    return performance.now() - begin;
}))"""


def watch_tasks(page: Page) -> None:
    page.evaluate(
        """() => {
            window.longTasks = [];
            new PerformanceObserver(list => list.getEntries().forEach(e => window.longTasks.push(e.duration)))
                .observe({ type: 'longtask' });
        }"""
    )


def long_tasks(page: Page) -> list[int]:
    """The milliseconds of the tasks of the page that took long since this was asked last."""
    found: list[int] = page.evaluate("window.longTasks.splice(0).map(Math.round)")
    return found


def test_a_long_log_with_figures_and_a_large_table(open_notebook: OpenNotebook) -> None:
    page = open_notebook(cell(LONG, "step:long"))
    press_run(page)
    has_state(page, "long", "succeeded")
    watch_tasks(page)
    log = log_of(page, "long")
    expect(log.locator(".kfnb-Log-output img")).to_have_count(2)
    lines = log.locator(".kfnb-LogWindow")
    assert lines.locator(".kfnb-Log-line").count() < 300, "only the lines in sight are in the page"
    expect(log.get_by_role("button", name=re.compile(r"^9\d{4} lines above$"))).to_be_visible()
    order = lines.evaluate(
        "node => [...node.children].map(n => n.querySelector('img') ? 'figure' : n.querySelector('table') ? 'table' : n.innerText.split('\\n').filter(l => l.includes('under') || l.includes('needle')).join())"
    )
    assert order[1:] == ["figure", "under figure 0", "figure", "under figure 1", "table", "a needle at the end"]
    expect(log).not_to_contain_text("<Figure size")

    tasks = {"opened": long_tasks(page)}
    table = lines.locator("table")
    expect(log.locator(".kfnb-Pager-words")).to_have_text("rows 1 to 10 of 5,000")
    log.get_by_role("button", name="The last rows").click()
    expect(log.locator(".kfnb-Pager-words")).to_have_text("rows 4,991 to 5,000 of 5,000")
    expect(table.locator("tbody tr").last.locator("th")).to_have_text("4999")

    tasks["table"] = long_tasks(page)
    find = log.get_by_role("searchbox", name="Find in the log")
    find.fill("NEEDLE")
    expect(log.locator(".kfnb-LogFind-count")).to_have_text(re.compile("^[12] of 2$"))
    for wanted, text in (("1 of 2", "the needle at the top"), ("2 of 2", "a needle at the end")):
        while log.locator(".kfnb-LogFind-count").inner_text() != wanted:
            find.press("Shift+Enter")
        expect(lines.locator(".kfnb-mod-current")).to_have_text(text)
        expect(lines.locator(".kfnb-mod-current")).to_be_in_viewport()
    tasks["found"] = long_tasks(page)
    log.get_by_role("button", name="The match before").click()
    log.get_by_role("button", name=re.compile(r"^98\d{3} lines below$")).click()
    expect(log.get_by_role("button", name=re.compile(r"^96\d{3} lines below$"))).to_be_visible()
    find.fill("no such text")
    expect(log.locator(".kfnb-LogFind-count")).to_have_text("nowhere")
    log.get_by_role("button", name="to the end").click()
    expect(lines).to_contain_text("a needle at the end")
    tasks["moved"] = long_tasks(page)
    slower = max(1.0, page.evaluate(MEASURE) / YARDSTICK)
    assert max(max(one, default=0) for one in tasks.values()) <= LONGEST_TASK * slower, (tasks, slower)
    find.fill("figure")
    expect(log.locator(".kfnb-LogFind-count")).to_have_text(re.compile("of 4$"))
    pictures(page, "long-log")
