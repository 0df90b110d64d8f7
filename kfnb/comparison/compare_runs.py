"""Compares runs: a pure function of what the record has of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from kfnb.comparison.code_differences import CodeRow, compare_code
from kfnb.comparison.compared_run import ComparedOutput, ComparedRun, Json, canonical_text, read_run
from kfnb.runs.record.run_store import RunStore

FEWEST, MOST = 2, 10  #: runs in a comparison
#: By which durations must differ so that it counts: a part of the longest, and seconds.
LEAST_SHARE, LEAST_SECONDS = 0.1, 0.2


@dataclass(frozen=True)
class Row:
    """One thing in all runs.

    Parameters
    ----------
    name
        A parameter's, a path such as ``train[2]``, or ``STEP.NAME``. It occurs once.
    label
        What people read: the same, except for steps that kfnb adds.
    values
        By run. A run that does not have it is left out; what is ``None`` is there.
    """

    name: str
    label: str
    values: Mapping[str, Json]
    differs: bool


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
    steps = [(run.run, path, step) for run in runs for path, step in run.steps.items()]
    labels = {path: step.label for _, path, step in steps}
    left = {f"{path}.{name}": f"{step.label}.{name}" for _, path, step in steps for name in step.outputs}
    set_of = {name: label for run in runs for name, label in run.setting_labels.items()}
    return Comparison(
        runs=tuple(_head(run) for run in runs),
        parameters=_rows({r.run: r.parameters for r in runs}),
        metrics=_rows({r.run: r.metrics for r in runs}),
        states=_rows({r.run: {p: s.state for p, s in r.steps.items()} for r in runs}, labels),
        durations=tuple(map(_duration_row, _rows({r.run: _seconds(r) for r in runs}, labels))),
        outputs=tuple(map(_output_row, _rows({r.run: _outputs(r) for r in runs}, left))),
        settings=_rows({r.run: r.settings for r in runs}, set_of),
        environment=_rows({r.run: r.environment for r in runs}),
        packages=_rows({r.run: r.packages for r in runs if r.packages is not None}),
        code=compare_code({r.run: r.cells for r in runs}),
    )


def compare_recorded(store: RunStore, runs: Sequence[str]) -> Comparison:
    """Compare runs of the record by their ids. Raises `UnknownRun`, `DamagedRecord` and `ValueError`."""
    return compare([read_run(store, run) for run in runs])


def _head(run: ComparedRun) -> RunHead:
    return RunHead(
        run.run, run.pipeline, run.notebook, run.experiment, run.state, run.created, run.seconds, run.packages is not None
    )  # fmt: skip


def _seconds(run: ComparedRun) -> dict[str, float]:
    return {path: step.seconds for path, step in run.steps.items() if step.seconds is not None}


def _outputs(run: ComparedRun) -> dict[str, ComparedOutput]:
    return {f"{path}.{name}": output for path, step in run.steps.items() for name, output in step.outputs.items()}


def _rows(values: Mapping[str, Mapping[str, Json]], labels: Mapping[str, str] | None = None) -> tuple[Row, ...]:
    """A row for each name, in the order of the first run that has it. ``values``: by run and name."""
    found = []
    for name in dict.fromkeys(name for own in values.values() for name in own):
        having = {run: own[name] for run, own in values.items() if name in own}
        differs = len(having) < len(values) or len({canonical_text(value) for value in having.values()}) > 1
        found.append(Row(name, (labels or {}).get(name, name), having, differs))
    return tuple(found)


def _duration_row(row: Row) -> Row:
    """The row, in which durations that hardly differ count as the same. A step that did not run differs in its state."""
    seconds = row.values.values()
    apart = max(seconds) - min(seconds)
    return replace(row, differs=apart > max(LEAST_SECONDS, LEAST_SHARE * max(seconds)))


def _output_row(row: Row) -> Row:
    return replace(row, values={run: output.preview for run, output in row.values.items()})
