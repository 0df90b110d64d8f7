"""Compares runs: a pure function of what the record has of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kfnb.comparison.code_differences import CodeRow, compare_code
from kfnb.comparison.compared_run import ComparedRun, read_run
from kfnb.comparison.rows import Row, StepRows, iteration_rows, plain_rows, step_rows
from kfnb.runs.record.run_store import RunStore

FEWEST, MOST = 2, 10  #: runs in a comparison


@dataclass(frozen=True)
class RunHead:
    """A run that is compared. ``seconds`` and ``experiment`` may be unknown; ``has_packages``: the record has its packages."""

    run: str
    pipeline: str
    notebook: str | None
    experiment: str | None
    state: str
    created: float
    seconds: float | None
    has_packages: bool


@dataclass(frozen=True)
class Comparison:
    """What is the same and what differs between runs.

    Parameters
    ----------
    states, durations, outputs
        Of steps; a loop with many iterations is one row (`kfnb.comparison.rows`).
    durations
        Of each step, in seconds. They differ when the longest is a tenth, and 0.2 seconds, above the shortest.
    outputs
        The values that steps left, as previews. Two that look alike may differ all the same.
    settings
        Of each step, by ``STEP.SETTING``.
    packages
        Their versions. Runs whose packages are unknown have none and do not count.
    """

    runs: tuple[RunHead, ...]
    parameters: tuple[Row, ...]
    metrics: tuple[Row, ...]
    states: tuple[Row, ...]
    durations: tuple[Row, ...]
    outputs: tuple[Row, ...]
    settings: tuple[Row, ...]
    environment: tuple[Row, ...]
    packages: tuple[Row, ...]
    code: tuple[CodeRow, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(runs: Sequence[ComparedRun]) -> Comparison:
    """Compare two to ten runs; the first one is that to which code is compared. Raises `ValueError` for another number."""
    if not FEWEST <= len(runs) <= MOST:
        raise ValueError(f"{FEWEST} to {MOST} runs can be compared, not {len(runs)}")
    steps = step_rows(runs)
    set_of = {name: label for run in runs for name, label in run.setting_labels.items()}
    return Comparison(
        runs=tuple(_head(run) for run in runs),
        parameters=plain_rows({r.run: r.parameters for r in runs}),
        metrics=plain_rows({r.run: r.metrics for r in runs}),
        states=steps.states,
        durations=steps.durations,
        outputs=steps.outputs,
        settings=plain_rows({r.run: r.settings for r in runs}, set_of),
        environment=plain_rows({r.run: r.environment for r in runs}),
        packages=plain_rows({r.run: r.packages for r in runs if r.packages is not None}),
        code=compare_code({r.run: r.cells for r in runs}),
    )


def compare_recorded(store: RunStore, runs: Sequence[str]) -> Comparison:
    """Compare runs of the record by their ids. Raises `UnknownRun`, `DamagedRecord` and `ValueError`."""
    return compare([read_run(store, run) for run in runs])


def iterations_recorded(store: RunStore, runs: Sequence[str], step: str) -> StepRows:
    """The rows of each iteration of a loop in runs of the record. Raises `UnknownRun` and `DamagedRecord`."""
    return iteration_rows([read_run(store, run) for run in runs], step)


def _head(run: ComparedRun) -> RunHead:
    return RunHead(
        run.run, run.pipeline, run.notebook, run.experiment, run.state, run.created, run.seconds, run.packages is not None
    )  # fmt: skip
