"""The rows of a comparison: one thing in all runs, and long loops as one row with what their iterations have together."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from kfnb.comparison.compared_run import ComparedOutput, ComparedRun, ComparedStep, Json, canonical_text

LONG = 20  #: a loop with more iterations in one of the runs is one row
#: By which durations must differ so that it counts: a part of the longest, and seconds.
LEAST_SHARE, LEAST_SECONDS = 0.1, 0.2
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")  #: the preview of a number


@dataclass(frozen=True)
class Loop:
    """What a row is that sums up the iterations of a step: how many there are, and in how many of them the runs differ."""

    step: str
    iterations: int
    differing: int


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
        By run. A run that does not have it is left out; what is ``None`` is there. For a loop: the counts of its states, the ``least``,
        ``median`` and ``most`` of its durations or numbers, or how many ``values`` there are, and how many ``distinct`` ones.
    loop
        The loop whose iterations the row sums up; ``None`` for any other row.
    """

    name: str
    label: str
    values: Mapping[str, Json]
    differs: bool
    loop: Loop | None = None


def plain_rows(values: Mapping[str, Mapping[str, Json]], labels: Mapping[str, str] | None = None) -> tuple[Row, ...]:
    """A row for each name, in the order of the first run that has it. ``values``: by run and name."""
    found = []
    for name in dict.fromkeys(name for own in values.values() for name in own):
        having = {run: own[name] for run, own in values.items() if name in own}
        differs = len(having) < len(values) or len({canonical_text(value) for value in having.values()}) > 1
        found.append(Row(name, (labels or {}).get(name, name), having, differs))
    return tuple(found)


@dataclass(frozen=True)
class StepRows:
    """The rows of the parts that have rows for steps."""

    states: tuple[Row, ...]
    durations: tuple[Row, ...]
    outputs: tuple[Row, ...]


def step_rows(runs: Sequence[ComparedRun]) -> StepRows:
    """The rows of all steps: each of a long loop's iterations counts, and the loop is one row."""
    found = _groups(runs)
    parts: list[list[Row]] = [[], [], []]
    for name, group in found.items():
        rows = _loop_rows(name, group) if max(map(len, group.values()), default=0) > LONG else _rows(group)
        for part, made in zip(parts, (rows.states, rows.durations, rows.outputs), strict=True):
            part += made
    return StepRows(*map(tuple, parts))


def iteration_rows(runs: Sequence[ComparedRun], step: str) -> StepRows:
    """The rows of each iteration of a loop."""
    return _rows(_groups(runs).get(step, {run.run: {} for run in runs}))


#: The steps of one name in each run, by run and path.
Group = Mapping[str, Mapping[str, ComparedStep]]


def _groups(runs: Sequence[ComparedRun]) -> dict[str, Group]:
    """The steps and their iterations by the step's name, in the order of the first run that has it."""
    groups: dict[str, dict[str, dict[str, ComparedStep]]] = {}
    for run in runs:
        for path, step in run.steps.items():
            group = groups.setdefault(path.partition("[")[0], {one.run: {} for one in runs})
            group[run.run][path] = step
    return dict(groups)


def _rows(group: Group) -> StepRows:
    labels = {path: step.label for own in group.values() for path, step in own.items()}
    left = {
        f"{path}.{name}": f"{step.label}.{name}"
        for own in group.values()
        for path, step in own.items()
        for name in step.outputs
    }
    outputs = {
        run: {f"{path}.{name}": output for path, step in own.items() for name, output in step.outputs.items()}
        for run, own in group.items()
    }
    states = plain_rows({run: {p: s.state for p, s in own.items()} for run, own in group.items()}, labels)
    seconds = plain_rows({run: _seconds(own) for run, own in group.items()}, labels)
    return StepRows(states, tuple(map(_duration_row, seconds)), tuple(map(_output_row, plain_rows(outputs, left))))


def _seconds(steps: Mapping[str, ComparedStep]) -> dict[str, float]:
    return {path: step.seconds for path, step in steps.items() if step.seconds is not None}


def _duration_row(row: Row) -> Row:
    """The row, in which durations that hardly differ count as the same. A step that did not run differs in its state."""
    return replace(row, differs=_are_apart(list(row.values.values())))


def _are_apart(seconds: Sequence[float]) -> bool:
    return max(seconds) - min(seconds) > max(LEAST_SECONDS, LEAST_SHARE * max(seconds))


def _output_row(row: Row) -> Row:
    return replace(row, values={run: output.preview for run, output in row.values.items()})


# -------------------------------------------------------------------- long loops
def _loop_rows(step: str, group: Group) -> StepRows:
    label = next(s.label for own in group.values() for s in own.values()).partition("[")[0]
    states = {run: {path: one.state for path, one in own.items()} for run, own in group.items()}
    seconds = {run: _seconds(own) for run, own in group.items()}
    row = partial(_loop_row, step)
    medians = [statistics.median(own.values()) for own in seconds.values() if own]
    durations = replace(
        row(step, label, seconds, lambda own: _spread(own.values()), _are_apart),
        differs=bool(medians) and _are_apart(medians),
    )
    names = dict.fromkeys(name for own in group.values() for one in own.values() for name in one.outputs)
    outputs = []
    for name in names:
        having = {run: {p: s.outputs[name] for p, s in own.items() if name in s.outputs} for run, own in group.items()}
        contents = {run: {path: output.content for path, output in own.items()} for run, own in having.items()}
        told = row(f"{step}.{name}", f"{label}.{name}", contents, len, lambda values: len(set(values)) > 1)
        outputs.append(replace(told, values={run: _outputs(own) for run, own in having.items() if own}))
    states_row = row(step, label, states, lambda own: dict(Counter(own.values())), lambda values: len(set(values)) > 1)
    return StepRows((states_row,), (durations,) if medians else (), tuple(outputs))


def _loop_row(
    step: str, name: str, label: str, values: Mapping[str, Mapping[str, Json]],
    together: Callable[[Mapping[str, Json]], Json], differ: Callable[[list[Json]], bool],
) -> Row:  # fmt: skip
    """The row of a loop. ``together`` sums up what one run has; ``differ`` says whether what the runs have in one iteration differs."""
    paths = dict.fromkeys(path for own in values.values() for path in own)
    differing = 0
    for path in paths:
        having = [own[path] for own in values.values() if path in own]
        differing += len(having) < len(values) or differ(having)
    summed = {run: together(own) for run, own in values.items() if own}
    return Row(name, label, summed, differing > 0, Loop(step, len(paths), differing))


def _spread(numbers: Iterable[float]) -> dict[str, float]:
    found = sorted(numbers)
    return {"least": found[0], "median": statistics.median(found), "most": found[-1]}


def _outputs(outputs: Mapping[str, ComparedOutput]) -> dict[str, float]:
    """The spread of numbers; of other values, how many there are and how many distinct ones."""
    numbers = [_number(output.preview) for output in outputs.values()]
    found = [number for number in numbers if number is not None]
    if len(found) == len(numbers):
        return _spread(found)
    return {"values": len(outputs), "distinct": len({output.content for output in outputs.values()})}


def _number(preview: Json) -> float | None:
    if isinstance(preview, str) and NUMBER.fullmatch(preview):
        return float(preview)
    return preview if isinstance(preview, (int, float)) and not isinstance(preview, bool) else None
