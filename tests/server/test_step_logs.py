"""Long logs by parts, where a text is in them, and displays at their places with large tables by pages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kfnb.runs.attempt_displays import Display, place
from kfnb.runs.attempt_logs import LogWriter
from kfnb.runs.log_windows import find_in_log, lines_before, lines_from, number_at
from kfnb.runs.record.file_lock import holding
from kfnb.runs.record.run_store import SCHEDULER, RunStore
from tests.notebooks import cell, notebook
from tests.server.asking import ended, refused

LONG = """import pandas as pd
from IPython.display import HTML, clear_output
for n in range(5000): print('line', n)
print('\\x1b[31mR\\x1b[0med line')
display(pd.DataFrame({'a': [1]}))
print('after the table')
display(HTML('<b>gone</b>')); clear_output()
display(HTML('<table><thead><tr><th>n</th></tr></thead><tbody>' + ''.join(f'<tr><td>{n:030}</td></tr>' for n in range(5000)) + '</tbody></table>'))"""


async def test_a_long_log_comes_by_parts_and_is_searched_as_a_whole(ask: Any, home: Path) -> None:
    run_id = (await ask("POST", "runs", body={"notebook": notebook(cell(LONG, "step:long"))}))["run"]["run"]
    await ended(ask, run_id)
    log = ("GET", "runs", run_id, "steps", "long", "log")
    end = await ask(*log, before="end")
    texts = [text for _, text in end["lines"]]
    assert (len(texts), end["first"] + len(texts), end["all"]) == (2000, 5006, True)
    assert texts[-1].startswith("<IPython.core.display.HTML") and texts[0] == f"line {end['first']}"
    above = await ask(*log, before=str(end["begin"]))
    assert above["next"] == end["begin"] and above["lines"][-1][1] == f"line {end['first'] - 1}"
    assert (await ask(*log, start=str(above["begin"])))["lines"] == above["lines"]
    found = await ask(*log, "matches", text="red LINE")
    assert (found["count"], found["places"][0][0]) == (1, 5000), "colours are not in the way"
    assert (await ask(*log, start=str(found["places"][0][1])))["lines"][0][1].endswith("ed line")
    assert (await ask(*log, "matches", text="line 49"))["count"] == 111

    shown = (await ask("GET", "runs", run_id, "steps", "long", "display"))["outputs"]
    table, _, pages = [{**o, "at": (o["line"], o["count"])} for o in shown]
    assert [o["at"] for o in (table, pages)] == [(5001, 2), (5005, 1)]
    assert [o["data"] == {} for o in shown] == [True, True, False], "the cell has cleared what it displayed before"
    assert pages["page"] == {"start": 0, "count": 100, "rows": 5000} and len(pages["data"]["text/html"]) < 10_000
    page = await ask("GET", "runs", run_id, "steps", "long", "display", "2", start="4950")
    assert [int(n) for n in re.findall(r"<td>(\d+)", page["html"])] == list(range(4950, 5000))
    assert page["html"].startswith("<table><thead>") and page["html"].endswith("</tbody></table>")
    assert (await refused(ask("GET", "runs", run_id, "steps", "long", "display", "0")))[0] == 404
    for query in ({"start": "-1"}, {"before": "x"}, {"attempt": "0"}, {"start": "1" * 30}):
        assert (await refused(ask(*log, **query)))[0] == 400
    assert "letters" in json.dumps(await refused(ask(*log, "matches", text="")))

    store = RunStore(home)
    store.forget_steps(run_id, ["long"])  # as when the run is taken up again, until its steps begin
    store.close()
    step = ("GET", "runs", run_id, "steps")
    assert await ask(*step, "long", "display") == {"outputs": []}
    assert await ask(*step, "long", "values") == {"inputs": [], "outputs": []}
    for query in ({"before": "end"}, {"start": "0"}):
        log_of_it = await ask(*step, "long", "log", **query)
        assert (log_of_it["lines"], log_of_it["attempts"], log_of_it["all"]) == ([], 0, True), "the run has ended"
    store = RunStore(home)
    with holding(store.folder(run_id) / SCHEDULER):
        store.record_run(run_id, "running")
        assert not (await ask(*step, "long", "log", start="0"))["all"]
        store.record_step(run_id, "long[0]", "long", "running", attempts=1)
        status, told = await refused(ask(*step, "long", "log"))
        assert status == 404 and "once per item" in json.dumps(told)
        store.forget_steps(run_id, ["long[0]"])
        store.record_run(run_id, "succeeded")
    store.close()
    outside = "long[0]/../../../../runs/" + run_id + "/steps/long"
    assert (await ask(*step, quote(outside, safe=""), "log", start="0"))["lines"] == []
    assert (await ask(*step, quote("long[" + "9" * 5000, safe=""), "log", start="0"))["lines"] == []
    assert (await ask(*step, "long", "log", "matches", text="line"))["count"] == 0
    for what in ("display", "values", "log"):
        assert (await refused(ask(*step, "short", what)))[0] == 404


def test_parts_of_a_log_meet(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "log")
    writer.feed(b"".join(b"%d %s\n" % (n, b"x" * (n % 97)) for n in range(3000)) + b"the last is not whole")
    log = tmp_path / "log"
    assert lines_before(tmp_path / "none", None, 5).lines == () and find_in_log(tmp_path / "none", "x").count == 0
    end, seen = None, []
    while end != 0:
        part = lines_before(log, end, 700)
        assert number_at(log, part.begin) == int(part.lines[0].text.split()[0])
        assert lines_from(log, part.begin, len(part.lines)).next == part.next
        seen = [*part.lines, *seen]
        end = part.begin
    assert [int(line.text.split()[0]) for line in seen] == list(range(3000))
    writer.close()


def test_displays_find_their_lines() -> None:
    a, gone, b = (Display(1, {"text/html": t}, {}, tuple(text.split("\n")) if text else ()) for t, text in (("a", "x\ny"), ("g", "never printed"), ("b", "x\ny")))  # fmt: skip
    lines = ["x", "x", "y", "z", "x", "y", "end"]
    assert [(p.line, p.count) for p in place([a, gone, b], lines)] == [(1, 2), (3, 0), (4, 2)]
    assert [(p.line, p.count) for p in place([gone], lines)] == [(7, 0)]
