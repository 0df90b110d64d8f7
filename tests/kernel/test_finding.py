"""The notebook that a kernel belongs to: found as each front end tells it, and as new as what was run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kfnb.kernel_notebook.executed_cells import Ran
from kfnb.kernel_notebook.find_notebook import overlaid
from tests.kernel.session import Session
from tests.notebooks import cell, notebook, write

A, B = "%%component a\nx = 2", "%%component b\ny = x + 1"
THREE = notebook(cell(A, id="a"), cell(B, id="b"), cell("w = 0", "step:c", id="new"))


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("session")
    (folder / "work").mkdir()
    found = Session(folder, write(folder / "work", notebook(cell(A, id="a"), cell(B, id="b")), "one.ipynb"))
    assert found.execute("%load_ext kfnb") == ""
    yield found
    found.close()


def test_jupyters_own_file_is_found_with_what_was_run_since_it_was_saved(session: Session) -> None:
    assert session.execute("%pipeline").startswith("notebook: one.ipynb\n")
    run = "run = %pipeline run\nrun.wait()['b']['y']"
    assert session.execute(run).splitlines()[-1] == "3"
    session.execute(A, "a")
    session.execute("%%component b\ny = x + 100", "b")
    session.execute("%%component c\nz = y + 1000", "new")
    shown = session.execute("run = %pipeline run\nrun.wait()['c']['z']")
    assert "one.ipynb, with cells 2, 3 as run here: the file was not saved since" in shown
    assert shown.splitlines()[-1] == "1102"
    write(session.folder, THREE, "one.ipynb")
    assert session.execute(run).splitlines()[-1] == "3", "a file that was saved later is what counts"


def test_tab_completes_commands_options_steps_and_targets(session: Session) -> None:
    write(session.folder, THREE, "one.ipynb")
    assert session.complete("%pipeline ru") == ["run", "runs"]
    assert session.complete("r = %pipeline run --st") == ["--step"]
    assert session.complete("%pipeline run --step ") == ["a", "b", "c"]
    assert session.complete("%pipeline run --target ") == ["local"]
    session.execute("run = %pipeline run\nrun.wait()")
    assert {"a", "b", "--outputs"} <= set(session.complete("%pipeline load "))
    assert {"last", "--follow"} <= set(session.complete("%pipeline logs "))


def test_a_renamed_file_is_found(session: Session) -> None:
    session.rename("one.ipynb", "two.ipynb")
    write(session.folder, notebook(cell("print('another')", id="z")), "one.ipynb")  # takes the old name
    assert session.execute("%pipeline").startswith("notebook: two.ipynb")


def ran(identity: str | None, source: str, number: int) -> Ran:
    return Ran(source, identity, number, number)


def test_cells_that_were_run_take_the_place_of_those_in_the_file() -> None:
    data = notebook(cell("x = 1", "step:a", id="a"), cell("y = 1", "step:b", id="b"))
    made, changed = overlaid(data, [ran("new", "z = 1", 1), ran("a", "x = 2", 2), ran("after", "w = 1", 3), ran("b", "y = 1", 4), ran(None, "no id", 5)])  # fmt: skip
    assert [c["source"] for c in made["cells"]] == ["x = 2", "w = 1", "y = 1", "z = 1"]
    assert changed == [1, 2, 4]
    assert made["cells"][0]["metadata"] == {"tags": ["step:a"]} and data["cells"][0]["source"] == "x = 1"
    assert overlaid(data, [ran("a", "x = 1", 1)])[1] == []
