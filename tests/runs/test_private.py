"""The record is its owner's alone, whatever the mask of those who write it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kfnb.runs.kept_notebook import keep_notebook
from kfnb.runs.record.run_store import RunStore
from tests.notebooks import cell
from tests.running import Here


@pytest.fixture
def no_mask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def wide(folder: Path) -> list[Path]:
    return [p for p in (folder, *folder.rglob("*")) if p.stat().st_mode & 0o077]


@pytest.mark.parametrize("spawn", [False, True])
def test_nobody_else_can_read_a_record_made_without_a_mask(tmp_path: Path, no_mask: None, spawn: bool) -> None:
    here = Here(tmp_path)
    shows = "from IPython.display import HTML, display\ndisplay(HTML('<b>b</b>'))\nx = list(range(9))\nopen('made', 'w').close()"
    run = here.run(
        cell(shows, "step:a"), cell("print(x)", "step:b"), cell("echo $x", "step:c", "shell"), spawn=spawn, cache=True
    )
    keep_notebook(here.store, run["run"], {"cells": []})
    assert run["state"] == "succeeded" and here.store.folder(run["run"]).is_dir()
    assert wide(tmp_path / "home") == []
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o666, "what the cells make has the user's own mask"


def test_a_record_that_others_could_read_is_closed_when_it_is_opened(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(cell("x = list(range(9))", "step:a"))
    here.let_go(run["run"])
    here.store.close()
    for path in (tmp_path / "home", *(tmp_path / "home").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    RunStore(tmp_path / "home").close()
    assert wide(tmp_path / "home") == []


def test_a_home_that_holds_other_things_keeps_its_own_permissions(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    tmp_path.chmod(0o755)
    RunStore(tmp_path).close()
    assert tmp_path.stat().st_mode & 0o777 == 0o755 and not (tmp_path / "runs").stat().st_mode & 0o077
