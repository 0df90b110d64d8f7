"""Runs belong to a notebook wherever it lies: renamed, moved, copied; and a record of an earlier version is read."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kfnb.client.runs_table import runs_of
from kfnb.notebook.formats import notebook_file
from kfnb.runs.kept_notebook import keep_notebook
from kfnb.runs.notebook_runs import notebook_of_run
from kfnb.runs.record.database import SCHEMA
from kfnb.runs.record.run_query import BadQuery, RunQuery
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.retention.prune_runs import delete_runs
from tests.notebooks import cell, notebook, write


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    return RunStore()


def run(store: RunStore, path: Path, save: bool = True) -> str:
    """Run a notebook as JupyterLab does; ``save`` whether the user saves it afterwards."""
    data = json.loads(path.read_text("utf-8"))
    notebook_id = notebook_of_run(store, str(path), data)
    run_id = store.create("p", str(path), None, "local", {}, notebook_id=notebook_id)
    keep_notebook(store, run_id, data)
    store.record_run(run_id, "succeeded")
    if save:
        data["metadata"].setdefault("kfnb", {})["id"] = notebook_id
        path.write_text(json.dumps(data), "utf-8")
    return run_id


def shown(store: RunStore, path: Path) -> list[str]:
    return [h["run"] for h in store.find(runs_of(store, path))[0]]


def test_a_notebook_keeps_its_runs_where_it_goes_and_a_copy_begins_anew(store: RunStore, tmp_path: Path) -> None:
    first = write(tmp_path, notebook(cell("x = 1", "step:a")))
    earlier = run(store, first, save=False)
    saved = run(store, first)
    copy = tmp_path / "copy.ipynb"
    copy.write_bytes(first.read_bytes())
    assert (shown(store, first), shown(store, copy)) == ([saved, earlier], [])
    (tmp_path / "folder").mkdir()
    moved = first.rename(tmp_path / "folder" / "renamed.ipynb")
    assert shown(store, moved) == [saved, earlier]
    assert shown(store, copy) == [], "the record knows where the notebook went"
    of_copy = run(store, copy)
    assert (shown(store, copy), shown(store, moved)) == ([of_copy], [saved, earlier])
    assert {h["notebook"] for h in store.runs()} == {str(moved), str(copy)}
    copy.unlink()
    run(store, write(tmp_path, notebook(cell("y = 2", "step:b")), "other.ipynb"))
    assert shown(store, moved) == [saved, earlier]


def test_a_notebook_that_was_never_saved_after_its_run_keeps_its_runs_where_it_goes(
    store: RunStore, tmp_path: Path
) -> None:
    first = write(tmp_path, notebook(cell("x = 1", "step:a"), cell("y = 2", "step:b")))
    of_first = run(store, first, save=False)
    copy = tmp_path / "copy.ipynb"
    copy.write_bytes(first.read_bytes())
    moved = first.rename(tmp_path / "moved.ipynb")
    assert (shown(store, copy), shown(store, moved)) == ([], [of_first])
    again = run(store, moved, save=False)
    edited = moved.rename(tmp_path / "edited.ipynb")
    edited.write_text(json.dumps(notebook(cell("x = 1", "step:a"), cell("y = 'new'", "step:b"))), "utf-8")
    assert shown(store, edited) == [again, of_first]
    edited.write_text(json.dumps(notebook(cell("z = 3", "step:c"))), "utf-8")
    other = edited.rename(tmp_path / "other.ipynb")
    assert shown(store, other) == [], "a file system gives the number of a deleted file to another one"


def test_a_notebook_that_became_another_file_keeps_its_runs_by_its_code(store: RunStore, tmp_path: Path) -> None:
    def as_another_file(place: Path, to: Path, text: bytes | None = None) -> Path:
        """As a move to another disk does, or an editor that replaces the file."""
        to.parent.mkdir(exist_ok=True)
        to.with_suffix(".new").write_bytes(text or place.read_bytes())
        place.unlink()
        return to.with_suffix(".new").rename(to)

    first = write(tmp_path, notebook(cell("x = 1", "step:a"), cell("y = 2", "step:b")), "train.ipynb")
    of_first = run(store, first, save=False)
    copy = tmp_path / "before" / "train.ipynb"
    copy.parent.mkdir()
    copy.write_bytes(first.read_bytes())
    assert shown(store, copy) == [], "the notebook itself is there: this is a copy"
    moved = as_another_file(first, tmp_path / "disk" / "train.ipynb")
    assert shown(store, moved) == [of_first]
    assert shown(store, copy) == [], "the record knows where the notebook went"
    again = run(store, moved, save=False)
    renamed = as_another_file(as_another_file(moved, moved), tmp_path / "disk" / "renamed.ipynb")
    assert shown(store, renamed) == [again, of_first], "replaced by its editor, and then renamed"
    other = json.dumps(notebook(cell("x = 1", "step:a"), cell("y = 2", "step:b"), cell("z = 3", "step:c"))).encode()
    assert shown(store, as_another_file(renamed, tmp_path / "disk" / "other.ipynb", other)) == []

    script = tmp_path / "script.py"
    script.write_text("# %% tags=['step:a']\nx = 1\n\n# %% tags=['step:b']\ny = 'script'\n", "utf-8")
    of_script = store.create("p", str(script), None, "local", {}, notebook_id=notebook_of_run(store, str(script), {}))
    keep_notebook(store, of_script, notebook_file.load(script))
    assert shown(store, as_another_file(script, tmp_path / "disk" / "script.py")) == [of_script]


def test_an_id_from_elsewhere_takes_the_runs_of_its_path_along(store: RunStore, tmp_path: Path) -> None:
    path = write(tmp_path, notebook(cell("x = 1", "step:a")))
    here = run(store, path, save=False)  # as the command line, which changes no file
    data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**data, "metadata": {"kfnb": {"id": "of-another-machine"}}}), "utf-8")
    again = run(store, path)
    assert shown(store, path.rename(tmp_path / "b.ipynb")) == [again, here]


def test_a_record_of_an_earlier_version_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, path = tmp_path / "home", write(tmp_path, notebook(cell("x = 1", "step:a")))
    (home / "runs" / "20250101-000000-abcd").mkdir(parents=True)
    monkeypatch.setenv("KFNB_HOME", str(home))
    with sqlite3.connect(home / "runs.db") as database:
        database.executescript(
            SCHEMA.replace(", notebook_id text, target text, note text, name text, delivery text,\n    file text", "")
        )
        old = ("20250101-000000-abcd", "p", str(path), "e", "argo", "failed", "{}", 1.0, 1.0, 2.0, None)
        database.execute(f"insert into runs values ({','.join('?' * len(old))})", old)
        database.execute("drop table tags")
    database.close()
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # root may write anything
        reading = RunStore()
        assert [(h["target"], h["tags"]) for h in reading.runs()] == [("argo", [])]
        assert shown(reading, path) == [old[0]]
        reading.close()
    store = RunStore()
    assert shown(store, path) == [old[0]]
    newer = run(store, path)
    assert shown(store, path.rename(tmp_path / "b.ipynb")) == [newer, old[0]]


def test_runs_are_found_sorted_and_paged(store: RunStore) -> None:
    def add(name: str, **fields: Any) -> str:
        run_id = store.create(
            name, f"/work/{name}.ipynb", fields.get("experiment"), "local", {"lr": 0.5}, target=fields.get("target")
        )
        store.record_run(run_id, "succeeded", started=1.0, finished=1.0 + len(name))
        return run_id

    a, long, c = add("a", experiment="tuning"), add("Longer_100%", target="prod"), add("c")
    store.record_run(c, "failed")
    store.label(a, tags=["best", "best", "for paper"], note="with the new data")

    def found(**query: Any) -> list[str]:
        return [h["run"] for h in store.find(RunQuery(**query))[0]]

    assert found(states=("failed", "cancelled")) == [c]
    assert found(target="prod") == [long] and found(experiment="tuning") == [a] and found(tag="best") == [a]
    assert found(text="LONGER") == found(text="100%") == [long] and found(text="new DATA") == found(text="paper") == [a]
    assert found(text="%") == [long], "no wildcard"
    assert found(order="pipeline", descending=False) == [a, c, long] and found(order="duration")[0] == long
    assert store.find(RunQuery(start=1, count=1))[1] == 3 and found(start=1, count=1) == [long]
    assert found(since=store.head(c)["created"]) == [c] and found(until=store.head(long)["created"]) == [a]
    assert store.choices() == {
        "notebooks": ["/work/Longer_100%.ipynb", "/work/a.ipynb", "/work/c.ipynb"],
        "targets": ["local", "prod"],
        "experiments": ["tuning"],
        "tags": ["best", "for paper"],
    }
    store.label(a, note="")
    assert (store.head(a)["tags"], store.head(a)["note"]) == (["best", "for paper"], "")
    delete_runs(store, [a])
    assert store.choices()["tags"] == []
    with pytest.raises(BadQuery, match="`size`"):
        replace(RunQuery(), order="size")
