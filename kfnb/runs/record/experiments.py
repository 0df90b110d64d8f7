"""The experiments of the record: groups of runs by name. A sweep is an experiment in which parameters vary."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

from kfnb.runs.record.database import Database
from kfnb.runs.record.read_rows import RowReader


@dataclass(frozen=True)
class Experiment:
    """A named group of runs.

    Parameters
    ----------
    pipelines
        Of its runs, the newest first.
    states
        How many of its runs are in each state.
    swept
        The parameters that have several values in runs of one pipeline, in the order of the newest run.
    first, last
        When its first and its newest run were created, in seconds since 1970.
    """

    experiment: str
    pipelines: tuple[str, ...]
    states: dict[str, int]
    swept: tuple[str, ...]
    first: float
    last: float


def experiments(database: Database, reader: RowReader) -> list[Experiment]:
    """All experiments, the one with the newest run first. Raises `DamagedRecord`."""
    rows = database.rows(
        "select experiment, pipeline, state, created, parameters from runs where experiment is not null"
        " order by created desc, rowid desc"
    )
    groups: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        groups.setdefault(str(row["experiment"]), []).append(row)
    return [_experiment(name, runs, reader) for name, runs in groups.items()]


def _experiment(name: str, runs: list[sqlite3.Row], reader: RowReader) -> Experiment:
    states: dict[str, int] = {}
    parameters: dict[str, list[str]] = {}
    for row in runs:
        states[row["state"]] = states.get(row["state"], 0) + 1
        parameters.setdefault(str(row["pipeline"]), []).append(row["parameters"])
    swept = (n for texts in parameters.values() for n in _swept(texts, reader, f"parameters of {name}"))
    return Experiment(
        name, tuple(parameters), states, tuple(dict.fromkeys(swept)), runs[-1]["created"], runs[0]["created"]
    )


def _swept(texts: list[str], reader: RowReader, where: str) -> list[str]:
    """The names that have several values. ``texts``: the parameters of each run, as the record has them."""
    values: dict[str, set[str]] = {}
    for text in dict.fromkeys(texts):
        for name, value in reader.object(text, where).items():
            values.setdefault(name, set()).add(json.dumps(value, sort_keys=True))
    return [name for name, different in values.items() if len(different) > 1]
