"""Reports of real runs: the executed notebook, and the page that nobody need trust."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as tree
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.reports import write
from kfnb.runs.attempt_displays import RECORD
from kfnb.runs.kept_notebook import keep_notebook, kept_notebook
from kfnb.runs.record.run_store import RunStore
from tests.notebooks import cell, markdown, notebook
from tests.notebooks import write as write_notebook
from tests.running import Here

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGNk+M+AFTBhFx6UEgB3ggMP8iIbZAAAAABJRU5ErkJggg=="
EVIL = """class Evil:
    def _repr_html_(self):
        return '<b onclick="alert(1)">bold</b><a href="javascript:alert(2)">go</a><img src="http://evil.test/1.png"><i style="background:url(http://evil.test/2)">i</i>'
class Script:
    def _repr_html_(self):
        return '<div>chart</div><script>alert(3)</script>'
    def __repr__(self):
        return 'a chart as text'
class Picture:
    def _repr_svg_(self):
        return '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(4)</script></svg>'
display(Evil()); display(Script()); display(Picture())
print('<script>alert(5)</script>')
for n in range(100): print('row', n)"""
FLAKY = """import os
with open('tries', 'a') as file: file.write('x')
print('try number', os.path.getsize('tries'))
if os.path.getsize('tries') < 3: raise RuntimeError('not <yet>')"""
TEXT = {
    **markdown("# Title\n\n![dot](attachment:dot.png) ![far](http://evil.test/3.png)<script>alert(6)</script>"),
    "attachments": {"dot.png": {"image/png": DOT}},
}
CELLS = (
    TEXT,
    cell("given: int = 1\nevil: str = '<script>alert(7)</script>'", "parameters"),
    cell("import matplotlib.pyplot as plt"),
    cell("print('never printed')", "skip"),
    cell("import subprocess\nitems = list(range(12))\nprint('\\x1b[31mone\\x1b[0m', given)\n_ = subprocess.run(['echo', 'two'])\ndisplay({'text/html': '<b>h</b>', 'text/plain': 'h'}, raw=True)", "step:load"),
    cell("print('three')\nfig, ax = plt.subplots(figsize=(2, 1))\ndisplay(fig)\nprint('four')\nplt.close()", "step:load"),
    cell(FLAKY, "step:flaky", "retry:3", "after:load"),
    cell(EVIL, "step:evil", "after:flaky"),
    cell("import time\nprint('item', item)\nif item == 9:\n    raise ValueError('nine <script>alert(8)</script>')\nscore = item", "step:work", "foreach:item in items", "after:evil"),
    cell("total = sum(score)", "step:total"),
    cell("small = 1", "step:small", "when:given > 100"),
    cell("print('the end')", "step:bye", "exit"),
    cell("print('nobody runs this')"),
    cell("print('before')\n1 / 0", "step:tried", "raises-exception"),
)  # fmt: skip


@dataclass
class Made:
    """A run whose notebook is another one since, and its reports."""

    folder: Path
    run_id: str
    notebook: Any
    page: str

    def cell(self, number: int) -> Any:
        """A code cell of the report, by the number that it has in the notebook."""
        return next(c for c in self.notebook.cells if c.metadata.get(RECORD, {}).get("number") == number)

    def above(self, number: int) -> str:
        return str(self.notebook.cells[self.notebook.cells.index(self.cell(number)) - 1].source)


def kfnb(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "KFNB_HOME": str(folder / "home")}
    done = subprocess.run([sys.executable, "-m", "kfnb", *words], cwd=folder, env=env, capture_output=True, text=True)
    assert "Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("report")
    before = notebook(*CELLS, metadata={"widgets": {"state": "large"}})
    before["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "an old output"}]
    write_notebook(folder, before, "study.ipynb")
    run = json.loads(kfnb(folder, "run", "study.ipynb", "-p", "given=7", "--json").stdout)
    write_notebook(folder, notebook(cell("print('changed')", "step:load")), "study.ipynb")
    told = [kfnb(folder, "report", "last", "-o", "out.ipynb"), kfnb(folder, "report", run["run"])]
    page = f"study-{run['run']}.html"
    assert [t.stdout.strip() for t in told] == ["out.ipynb", page], told
    return Made(folder, run["run"], nbformat.read(folder / "out.ipynb", 4), (folder / page).read_text("utf-8"))


def texts(found: Any) -> str:
    """All text outputs of a cell."""
    return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") + "\n" for o in found.outputs)


# -------------------------------------------------------------------- the executed notebook
def test_the_report_is_the_notebook_as_it_was_when_the_run_began(made: Made) -> None:
    nbformat.validate(made.notebook)
    mine = [c for c in made.notebook.cells if "kind" not in c.metadata.get(RECORD, {})]
    assert [c.source for c in mine] == [c["source"] for c in CELLS] and mine[0].attachments["dot.png"][
        "image/png"
    ] == DOT
    assert "an old output" not in str(made.notebook) and "widgets" not in made.notebook.metadata
    assert made.cell(4).metadata.tags == ["step:load"], "its marks are still there: it runs again as a pipeline"


def test_each_cell_has_what_it_printed_and_showed_in_order(made: Made) -> None:
    text, rich = made.cell(4).outputs
    assert text.text == "\x1b[31mone\x1b[0m 7\ntwo\n" and rich.data["text/html"] == "<b>h</b>"
    three, figure, four = made.cell(5).outputs
    assert (three.text, four.text) == ("three\n", "four\n") and figure.data["image/png"].startswith("iVBOR")
    assert "load, continued" in made.above(5) and "**load** · ✓ succeeded · started" in made.above(4)


def test_the_error_stands_at_the_cell_that_failed_and_others_say_why_they_did_not_run(made: Made) -> None:
    (error,) = [o for o in made.cell(8).outputs if o.output_type == "error"]
    assert (error.ename, error.evalue) == ("ValueError", "nine <script>alert(8)</script>")
    assert error.traceback[0].startswith("Traceback") and error.traceback[-1].startswith("ValueError: nine")
    assert texts(made.cell(8)).count("Traceback") == 0, "the log does not tell it again"
    assert "∅ omitted" in made.above(9) and "work\\[9\\] failed" in made.above(9)
    assert "– skipped" in made.above(10) and "given &gt; 100" in made.above(10)
    assert texts(made.cell(11)) == "the end\n"


def test_the_error_of_a_cell_that_may_raise_is_its_output_and_its_step_succeeded(made: Made) -> None:
    text, error = made.cell(13).outputs
    assert text.text == "before\n" and (error.output_type, error.ename) == ("error", "ZeroDivisionError")
    assert error.traceback[0].startswith("Traceback") and "**tried** · ✓ succeeded" in made.above(13)


def test_earlier_attempts_are_named_with_their_logs(made: Made) -> None:
    first, second, last = made.cell(6).outputs
    for number, attempt in enumerate((first, second), 1):
        assert (
            f"attempt {number} failed after" in attempt.data["text/plain"] and "<details" in attempt.data["text/html"]
        )
        assert (
            f"try number {number}" in attempt.data["text/html"]
            and "RuntimeError: not &lt;yet&gt;" in attempt.data["text/html"]
        )
    assert last.text == "try number 3\n" and "attempt 3" in made.above(6)


def test_of_many_iterations_the_first_and_the_failed_are_shown_and_the_report_says_so(made: Made) -> None:
    shown = texts(made.cell(8))
    printed = [n for n in range(12) if f"item {n}\n" in shown]
    assert printed[:5] == [0, 1, 2, 3, 4] and 9 in printed and not {10, 11} & set(printed)
    table = made.cell(8).outputs[-1].data["text/plain"]
    assert "work has 12 iterations, of which 6 are shown in full above" in table and "work[11]" in table


def test_the_head_has_the_run_its_parameters_and_its_graph_with_states(made: Made) -> None:
    head, graph = made.notebook.cells[:2]
    for told in (
        "# study: ✗ failed",
        made.run_id,
        "<td>given</td><td>7</td>",
        "<td>engine</td><td>local</td>",
        "step work\\[9\\], cell 8, line 4: ValueError",
    ):
        assert told in head.source, told
    assert "<script>" not in head.source
    picture = tree.fromstring(graph.outputs[0].data["image/svg+xml"])
    found = {
        g.get("data-step"): g.get("data-state")
        for g in picture.iter("{http://www.w3.org/2000/svg}g")
        if g.get("data-step")
    }
    assert found == {
        "load": "succeeded", "flaky": "succeeded", "evil": "succeeded", "work": "failed", "total": "omitted", "small": "skipped", "bye": "succeeded", "tried": "succeeded",
    }  # fmt: skip


def test_cells_that_are_no_step_say_what_they_are(made: Made) -> None:
    assert "parameters of the run: given = 7" in made.above(1) and "shared code, run again in load" in made.above(2)
    assert "marked skip" in made.above(3) and "in no step: it did not run" in made.above(12)
    assert not made.cell(3).outputs and not made.cell(12).outputs


# -------------------------------------------------------------------- the page
class Reader(HTMLParser):
    """Every tag with its attributes, and the text of the page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_in_the_page_runs_or_is_loaded_from_elsewhere(made: Made) -> None:
    reader = Reader(made.page)
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & {t for t, _ in reader.tags}
    for tag, attributes in reader.tags:
        assert not [a for a in attributes if a.startswith("on")], (tag, attributes)
        assert (attributes.get("href") or "#").startswith("#"), attributes
        assert (attributes.get("src") or "data:image/").startswith("data:image/"), attributes
        assert "url(" not in (attributes.get("style") or ""), attributes
    assert "url(" not in made.page.split("</style>")[0] and "@import" not in made.page
    policy = [a["content"] for t, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy and "default-src 'none'" in str(policy[0])
    assert "a chart as text" in reader.text, "what needs scripts is shown as text"
    for told in (
        "<script>alert(5)</script>",
        "nine <script>alert(8)</script>",
        "<script>alert(7)</script>",
        "http://evil.test/3.png",
    ):
        assert told in reader.text, told


def test_the_page_leads_to_every_step_and_folds_long_texts(made: Made) -> None:
    reader = Reader(made.page)
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    links = {str(a["href"])[1:] for t, a in reader.tags if t == "a" and a.get("href")}
    assert links <= set(ids) and len(ids) == len(set(ids)) and {f"step-{n}" for n in range(1, 8)} <= links
    assert "attempt 1 failed" in reader.text and "lines before these" in reader.text and "the end" in reader.text
    assert "prefers-color-scheme: dark" in made.page and "@media print" in made.page
    pictures = [str(a["src"]) for t, a in reader.tags if t == "img"]
    assert f"data:image/png;base64,{DOT}" in pictures and len([p for p in pictures if "svg" in p]) == 1


# -------------------------------------------------------------------- other runs, other records
def test_the_command_overwrites_reports_but_never_the_notebook_that_was_run(made: Made) -> None:
    before = (made.folder / "study.ipynb").read_bytes()
    refused = kfnb(made.folder, "report", "last", "-o", "study.ipynb")
    assert refused.returncode == 2 and "is the notebook that was run" in refused.stderr
    assert (made.folder / "study.ipynb").read_bytes() == before
    for words, told in (
        (("last", "-o", "a.pdf"), ".ipynb or .html"),
        (("nope",), "there is no run"),
        (("last", "-o", "no/where.html"), "cannot be written"),
    ):
        answer = CliRunner(env={"KFNB_HOME": str(made.folder / "home")}).invoke(cli, ["report", *words])
        assert answer.exit_code == 2 and told in answer.output, answer.output


def test_a_run_whose_notebook_or_cells_were_not_kept_has_a_report_all_the_same(made: Made) -> None:
    store = RunStore(made.folder / "home")
    kept = kept_notebook(store, made.run_id)
    log = store.attempt_folder(made.run_id, "load", 1)
    try:
        (log / "cells").rename(log / "cells.away")
        (store.folder(made.run_id) / "notebook.ipynb").unlink()
        found = nbformat.read(write(made.run_id, made.folder / "old.ipynb", store.home), 4)
    finally:
        (log / "cells.away").rename(log / "cells")
        keep_notebook(store, made.run_id, kept)
        store.close()
    nbformat.validate(found)
    old = Made(made.folder, made.run_id, found, "")
    assert "was not kept" in found.cells[0].source and old.cell(4).source == CELLS[4]["source"]
    one, rich = old.cell(4).outputs  # up to a display the text is its cell's, the rest is at the last cell
    three, figure, four = old.cell(5).outputs
    assert one.text.endswith("7\ntwo\n") and "text/html" in rich.data
    assert (three.text, four.text) == ("three\n", "four\n") and "image/png" in figure.data


def test_a_run_taken_up_again_shows_the_notebook_as_last_used_and_the_attempt_before(tmp_path: Path) -> None:
    write_notebook(
        tmp_path,
        notebook(
            cell("print('first')\n1 / 0", "step:a"),
            cell("print('never')", "step:a"),
            cell("print('b')", "step:b", "after:a"),
        ),
    )
    run_id = json.loads(kfnb(tmp_path, "run", "notebook.ipynb", "--json").stdout)["run"]
    failed = nbformat.read(write(run_id, tmp_path / "failed.ipynb", tmp_path / "home"), 4)
    assert any("a: this cell did not run, the step failed before it" in c.source for c in failed.cells)
    write_notebook(tmp_path, notebook(cell("print('mended')", "step:a"), cell("print('b')", "step:b", "after:a")))
    assert kfnb(tmp_path, "retry", run_id).returncode == 0
    found = Made(tmp_path, run_id, nbformat.read(write(run_id, tmp_path / "again.ipynb", tmp_path / "home"), 4), "")
    earlier, now = found.cell(1).outputs
    assert found.cell(1).source == "print('mended')" and now.text == "mended\n"
    assert "attempt 1 failed" in earlier.data["text/plain"] and "first" in earlier.data["text/html"]


def test_a_run_that_still_runs_has_a_report_as_of_now(tmp_path: Path) -> None:
    here = Here(tmp_path)
    wait = "import os, time\nprint('waiting')\nwhile not os.path.exists('go'):\n    time.sleep(0.02)"
    run_id = here.start(
        cell("print('done')", "step:a"), cell(wait, "step:b", "after:a"), cell("1", "step:c", "after:b")
    )
    here.until(run_id, lambda s: s["steps"].get("b", {}).get("state") == "running")
    found = nbformat.read(write(run_id, tmp_path / "now.ipynb", here.store.home), 4)
    page = write(run_id, tmp_path, here.store.home).read_text("utf-8")
    (tmp_path / "go").touch()
    here.finish(run_id)
    told = "\n".join(c.source for c in found.cells)
    assert "*As of 2" in told and "**b** · ▶ running" in told and "**c** · ○ pending" in told
    assert "the run had not ended" in page


def test_steps_of_a_pipeline_cell_have_their_outputs_there_each_under_its_name(tmp_path: Path) -> None:
    source = "%%pipeline flow\nfor n in [1, 2]:\n    said = say(n)\nsay(sum([3, 4]))"
    cells = (
        cell("from kfnb import component"),
        cell("@component\ndef say(n: int) -> int:\n    print('says', n)\n    return n"),
        cell(source),
    )
    write_notebook(tmp_path, notebook(*cells))
    run_id = json.loads(kfnb(tmp_path, "run", "notebook.ipynb", "--json").stdout)["run"]
    found = Made(tmp_path, run_id, nbformat.read(write(run_id, tmp_path / "r.ipynb", tmp_path / "home"), 4), "")
    shown = texts(found.cell(3)).split("\n")
    heads = [line.split("  ")[0] for line in shown if "✓" in line]
    assert (
        len(heads) == 3
        and heads[:2] == ["say[0]", "say[1]"]
        and [line for line in shown if line.startswith("says")] == ["says 1", "says 2", "says 7"]
    )
    reader = Reader(write(run_id, tmp_path / "r.html", tmp_path / "home").read_text("utf-8"))
    assert {"step-1", "step-2"} <= {str(a.get("id")) for _, a in reader.tags}
