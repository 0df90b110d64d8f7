"""papermill executes a notebook of magics with parameters, and leaves what `kfnb run -p` leaves."""

from __future__ import annotations

import json
from pathlib import Path

import papermill

from kfnb.notebook import read_notebook
from kfnb.pipeline.build.build_pipeline import build
from tests.differential.compare import run_pipeline
from tests.differential.fingerprint import fingerprint
from tests.notebooks import cell, notebook, write

CELLS = [
    cell("%load_ext kfnb"),
    cell("%%parameters\ncount: int = 1\nrate: float = 0.5", "parameters"),
    cell("%%functions\ndef scaled(n):\n    return n * rate"),
    cell("%%component many --when 'count > 2'\nsize = 'many'"),
    cell("%%component few --when 'count <= 2'\nsize = 'few'"),
    cell("%%component each --foreach 'n in range(count)'\nvalue = scaled(n)"),
    cell("%%component script --shell --output out\necho $count $size > $out"),
    cell("%%component last --exit\nprint(kfnb_status['state'])"),
]
SHOW = "import json\nprint(json.dumps([count, rate, size, value, out]))"


def test_papermill_and_a_run_leave_the_same(tmp_path: Path) -> None:
    path, done = write(tmp_path, notebook(*CELLS, cell(SHOW))), tmp_path / "done.ipynb"
    papermill.execute_notebook(path, done, {"count": 4, "rate": 2.0}, kernel_name="python3", progress_bar=False)
    (shown,) = json.loads(done.read_text())["cells"][-1]["outputs"]
    assert json.loads("".join(shown["text"])) == [4, 2.0, "many", [0.0, 2.0, 4.0, 6.0], "4 many"]
    given = {"count": "4", "rate": "2"}
    mine = run_pipeline(notebook(*CELLS), tmp_path, tmp_path / "home", given=given)
    wanted = {"size": "many", "value": [0.0, 2.0, 4.0, 6.0], "out": "4 many"}
    assert mine.values == {n: fingerprint(v) for n, v in wanted.items()}
    injected = build(read_notebook(done)).pipeline
    assert injected is not None
    assert {p.name: p.default for p in injected.parameters} == {"count": 4, "rate": 2.0}
