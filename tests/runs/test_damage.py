"""A record whose files are damaged: every command says which file it is, or does without it; none ends with a traceback."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kfnb.cli import main
from tests.notebooks import cell
from tests.running import Here

COMMANDS = (
    ["runs"], ["runs", "--json"], ["status", "RUN"], ["status", "RUN", "--json"], ["logs", "RUN"], ["logs", "RUN", "a", "-f"], ["result", "RUN", "a.x"],
    ["report", "RUN", "-o", "OUT"], ["cancel", "RUN"], ["prune", "--keep", "5", "--dry-run"],
)  # fmt: skip
DAMAGES: dict[str, Callable[[Path], object]] = {
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "garbage": lambda path: path.write_bytes(b"\x00\xff{garbage" * 40),
    "empty": lambda path: path.write_bytes(b""),
    "another type": lambda path: path.write_text('["a", 1, null]\n'),
    "nested wrong": lambda path: path.write_text('{"body": 5, "name": [], "parameters": "x", "kfnb": null, "data": 3, "cells": {}}\n'),
    "missing": Path.unlink,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    here = Here(tmp_path_factory.mktemp("made"))
    show = "from IPython.display import display, HTML\nx = 1\nprint('hi')\ndisplay(HTML('<b>b</b>'))"
    run = here.run(cell(show, "step:a"), cell("print(x)\nraise ValueError(x)", "step:b"), cell("1", "step:end", "exit"))
    run_id = str(run["run"])
    (here.store.folder(run_id) / "notebook.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    here.let_go(run_id)
    here.store.close()
    return copied(here.store.home, tmp_path_factory.mktemp("copied")), run_id


def copied(home: Path, folder: Path) -> Path:
    """The files alone: what cleans up after a run may have the database open yet."""
    kept = shutil.copytree(home, folder / "home", ignore=shutil.ignore_patterns("runs.db*"))
    with closing(sqlite3.connect(home / "runs.db")) as there, closing(sqlite3.connect(kept / "runs.db")) as here:
        there.backup(here)
    return kept


def command(words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a command says. It ends by itself or with a status, and never with an exception."""
    monkeypatch.setattr(sys, "argv", ["kfnb", *words])
    try:
        main()
    except SystemExit as end:
        assert end.code in (None, 0, 1, 2, 130)
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return out + err


def files_of(home: Path, run_id: str) -> list[Path]:
    run = home / "runs" / run_id
    inner = [p for p in run.rglob("*") if p.is_file() and p.suffix not in (".lock", ".pid") and "end" not in p.parts]
    return sorted([home / "runs.db", *inner, *(p for p in (home / "store").rglob("*") if p.is_file())])


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_damage_of_any_file_ends_a_command_with_a_traceback(
    made: tuple[Path, str],
    damage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home, run_id = made
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    for file in files_of(home, run_id):
        shutil.rmtree(tmp_path / "home", ignore_errors=True)
        shutil.copytree(home, tmp_path / "home")
        DAMAGES[damage](tmp_path / "home" / file.relative_to(home))
        for words in COMMANDS:
            filled = [w.replace("RUN", run_id).replace("OUT", str(tmp_path / "o.html")) for w in words]
            said = command(filled, capsys, monkeypatch)
            if "damaged" in said and "stored value" not in said:
                assert file.name in said, (file, words, said)


@pytest.mark.parametrize("change", ["update steps set result = '[1'", "update steps set result = '{\"results\": {\"x\": {\"bundle\": \"0\"}}}'", "update runs set parameters = '5'", "update steps set error = '[]'",
    "update events set data = 'x'", "drop table steps", "update runs set state = null, created = 'x', started = 'y'", "update steps set state = 'odd', started = 'x'"])  # fmt: skip
def test_no_damage_inside_the_database_ends_a_command_with_a_traceback(
    made: tuple[Path, str],
    change: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home, run_id = made
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    database = sqlite3.connect(tmp_path / "home" / "runs.db")
    with database:
        database.execute(change)
    database.close()
    for words in (*COMMANDS, ["prune", "--keep", "0"]):
        command([w.replace("RUN", run_id).replace("OUT", str(tmp_path / "o.html")) for w in words], capsys, monkeypatch)
