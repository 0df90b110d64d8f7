"""A comparison as text for a terminal: a table for each part, whose columns are the runs, and the code as differences."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from kfnb.comparison.code_differences import CodeRow
from kfnb.comparison.compare_runs import Comparison
from kfnb.comparison.compared_run import Json
from kfnb.comparison.rows import Row
from kfnb.states import SYMBOLS
from kfnb.wording import duration, moment

WIDEST = 32  #: letters of a cell of a table
NONE = "–"  #: where a run does not have a thing


def comparison_lines(comparison: Comparison, show_all: bool) -> Iterator[str]:
    """The lines of a comparison. Without ``show_all``, what is the same in all runs is left out."""
    yield from _table([[str(n), *_head(comparison, n - 1)] for n in range(1, len(comparison.runs) + 1)])
    parts: list[tuple[str, tuple[Row, ...], Callable[[Json], str]]] = [
        ("parameters", comparison.parameters, value_text),
        ("metrics", comparison.metrics, value_text),
        ("states", comparison.states, lambda state: f"{SYMBOLS[state]} {state}"),
        ("durations", comparison.durations, duration),
        ("outputs", comparison.outputs, value_text),
        ("settings", comparison.settings, value_text),
        ("environment", comparison.environment, value_text),
        ("packages", comparison.packages, value_text),
    ]
    same = []
    for title, rows, words in parts:
        shown = [row for row in rows if row.differs or show_all]
        if shown:
            yield from ("", title)
            yield from _section(comparison, shown, words)
        elif rows:
            same.append(title)
    cells = [cell for cell in comparison.code if cell.differs]
    if cells:
        yield from ("", "code")
    elif comparison.code:
        same.append("code")
    for cell in cells:
        yield from _code(comparison, cell)
    if same:
        yield from ("", f"the same in all of them: {', '.join(same)}")
    unknown = [str(n) for n, run in enumerate(comparison.runs, 1) if not run.has_packages]
    if unknown:
        yield from ("", f"the record does not have the packages of {', '.join(unknown)}")


def value_text(value: Json) -> str:
    """A value in a cell of a table: text unchanged, numbers as short as six digits allow, and everything else as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False)


def _head(comparison: Comparison, at: int) -> list[str]:
    run = comparison.runs[at]
    state = f"{SYMBOLS[run.state]} {run.state}"
    return [run.run, run.pipeline, state, moment(run.created), duration(run.seconds), run.experiment or ""]


def _section(comparison: Comparison, rows: Sequence[Row], words: Callable[[Json], str]) -> Iterator[str]:
    ids = [run.run for run in comparison.runs]
    lines = [["", *(str(n) for n in range(1, len(ids) + 1)), ""]]
    for row in rows:
        own_words = partial(loop_text, words=words) if row.loop is not None else words
        texts = [_short(own_words(row.values[run])) if run in row.values else NONE for run in ids]
        lines.append([row.label, *texts, _remark(row, texts)])
    yield from (f"  {line}" for line in _table(lines))


def _remark(row: Row, texts: Sequence[str]) -> str:
    """What stands behind a row."""
    if row.loop is not None:
        return f"({row.loop.differing} of {row.loop.iterations} iterations differ)"
    alike = row.differs and NONE not in texts and len(set(texts)) == 1
    return "(they differ in what is not shown)" if alike else ""


def loop_text(value: dict[str, Json], words: Callable[[Json], str]) -> str:
    """What the iterations of a loop have together. ``words``: of one of its durations or numbers."""
    if "median" in value:
        least, median, most = (words(value[key]) for key in ("least", "median", "most"))
        return f"{least} to {most}, median {median}"
    if "distinct" in value:
        return f"{value['values']} values, {value['distinct']} distinct"
    return ", ".join(f"{SYMBOLS[state]} {count}" for state, count in value.items())


def _code(comparison: Comparison, cell: CodeRow) -> Iterator[str]:
    ids = [run.run for run in comparison.runs]
    where = f"cell {next(iter(cell.numbers.values()))}" + (f" ({', '.join(cell.steps)})" if cell.steps else "")
    missing = [run for run in ids if run not in cell.numbers]
    if missing:
        yield f"  {where}: not in {_numbers(ids, missing)}"
    first = cell.versions[0]
    for version in cell.versions[1:]:
        yield f"  {where}: {_numbers(ids, version.runs)} beside {_numbers(ids, first.runs)}"
        yield from (f"    {mark} {line}".rstrip() for mark, line in version.changes)


def _numbers(ids: Sequence[str], runs: Sequence[str]) -> str:
    return ", ".join(str(ids.index(run) + 1) for run in runs)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"


def _table(lines: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    for line in lines:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
