"""The results of a sweep: one row per run, the best runs, and both as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import dataclass
from typing import Any

from kfnb.pipeline.model import Json
from kfnb.states import SYMBOLS
from kfnb.sweeps.parameter_grid import value_text
from kfnb.wording import duration

OWN = ("state", "duration", "run")  #: columns that every table has


@dataclass(frozen=True)
class Goal:
    """The metric by which runs are compared, and whether the highest or the lowest value is best."""

    metric: str
    maximize: bool

    @property
    def word(self) -> str:
        return "highest" if self.maximize else "lowest"


@dataclass(frozen=True)
class Row:
    """A run of a sweep.

    Parameters
    ----------
    number
        Its place in the sweep, from 1.
    parameters
        The values of the parameters that were given, swept or not.
    state
        The run's; ``pending`` also before it has begun, ``omitted`` when it never will.
    run
        Its id; ``None`` before it has begun.
    duration
        Seconds, until now while it runs; ``None`` before it has begun.
    problem
        Why it failed, where, or why it never began.
    """

    number: int
    parameters: dict[str, Json]
    state: str
    run: str | None = None
    metrics: dict[str, Any] | None = None
    duration: float | None = None
    problem: str | None = None

    def number_of(self, metric: str) -> float | None:
        """The value of a metric if it can be compared: the run has succeeded, and the value is finite."""
        value = (self.metrics or {}).get(metric)
        sound = self.state == "succeeded" and isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if sound and math.isfinite(float(value)) else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class Results:
    """The results of a sweep so far.

    Parameters
    ----------
    swept
        The parameters that have several values.
    """

    pipeline: str
    experiment: str
    target: str
    swept: tuple[str, ...]
    goal: Goal | None
    rows: tuple[Row, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of all metrics: the goal's first, then in the order in which the runs report them."""
        names = {name: None for row in self.rows for name in row.metrics or {}}
        if self.goal is not None and self.goal.metric in names:
            names = {self.goal.metric: None, **names}
        return tuple(names)

    @property
    def numeric(self) -> tuple[str, ...]:
        """The metrics for which at least one run has a value that can be compared."""
        return tuple(m for m in self.metrics if any(r.number_of(m) is not None for r in self.rows))

    def best(self, goal: Goal) -> list[Row]:
        """The run with the best value, and after it the runs with exactly the same value. Empty when no run has a value."""
        candidates = [(v, r) for r in self.rows if (v := r.number_of(goal.metric)) is not None]
        top = (max if goal.maximize else min)((v for v, _ in candidates), default=None)
        return [r for v, r in candidates if v == top]

    def ordered(self) -> list[Row]:
        """With a goal, the best run first and runs without a value last; without a goal, the order in which they started."""
        goal = self.goal
        if goal is None:
            return list(self.rows)
        judged = [(r.number_of(goal.metric), r) for r in self.rows]
        candidates = sorted((p for p in judged if p[0] is not None), key=lambda p: p[0] or 0.0, reverse=goal.maximize)
        return [r for _, r in candidates] + [r for value, r in judged if value is None]

    # ---------------------------------------------------------------- as text and data
    def table(self) -> list[dict[str, Any]]:
        """A dict for each run with its swept parameters, its metrics, ``state``, ``duration`` (seconds) and ``run``.

        Every dict has the same keys. A metric called like another column is named ``metric.NAME``, a parameter called
        like one of the last three ``parameter.NAME``.
        """
        taken = {n: f"parameter.{n}" if n in OWN else n for n in self.swept}
        metrics = {n: f"metric.{n}" if n in (*OWN, *self.swept) else n for n in self.metrics}
        return [
            {
                **{column: row.parameters[n] for n, column in taken.items()},
                **{column: (row.metrics or {}).get(n) for n, column in metrics.items()},
                **{n: getattr(row, n) for n in OWN},
            }
            for row in self.ordered()
        ]

    def to_json(self) -> dict[str, Any]:
        best = self.best(self.goal) if self.goal is not None else []
        best_json = None
        if self.goal is not None and best:
            best_json = {
                "metric": self.goal.metric, "goal": "maximize" if self.goal.maximize else "minimize", "run": best[0].run,
                "value": (best[0].metrics or {})[self.goal.metric], "parameters": best[0].parameters, "ties": len(best) - 1,
            }  # fmt: skip
        runs = [
            {
                "run": r.run, "state": r.state, "parameters": r.parameters, "metrics": r.metrics or {},
                "duration": r.duration, "error": r.problem,
            }
            for r in self.ordered()
        ]  # fmt: skip
        return {
            "experiment": self.experiment, "pipeline": self.pipeline, "target": self.target, "swept": list(self.swept),
            "runs": runs, "best": best_json,
        }  # fmt: skip

    def csv(self) -> str:
        rows = self.table()
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0] if rows else ())
        writer.writerows([_plain(v) for v in row.values()] for row in rows)
        return file.getvalue()

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """The table for people: its header, and one row of short texts for each run."""
        rows = self.table()
        head = [*(rows[0] if rows else ())][: -len(OWN)]
        swept = head[: len(self.swept)]
        columns = [[value_text(r[n]) for r in rows] if n in swept else _measured([r[n] for r in rows]) for n in head]
        lines = []
        for at, row in enumerate(self.ordered()):
            shown = [column[at] for column in columns]
            state = f"{SYMBOLS[row.state]} {row.state}"
            lines.append([*shown, state, duration(row.duration), row.run or ""])
        return [*head, "state", "time", "run"], lines

    def text(self) -> str:
        """The table as lines of text, with numbers aligned to the right."""
        head, lines = self.cells()
        widths = [max(len(line[at]) for line in (head, *lines)) for at in range(len(head))]
        right = [at < len(head) - 3 and all(_is_number(line[at]) for line in lines) or at == len(head) - 2 for at in range(len(head))]  # fmt: skip
        return "\n".join(
            "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, widths, right, strict=True)).rstrip()
            for line in (head, *lines)
        )

    def verdict(self) -> list[str]:
        """Sentences that name the best run; without a goal, the lowest and the highest value of each metric."""
        goals = (
            [self.goal] if self.goal is not None else [Goal(m, up) for m in self.numeric[:6] for up in (True, False)]
        )
        lines = []
        for goal in goals:
            best = self.best(goal)
            if not best:
                lines.append(f"no run that succeeded left a number for {goal.metric}")
                continue
            ties = f" ({len(best) - 1} more {'is' if len(best) == 2 else 'are'} equal)" if len(best) > 1 else ""
            first = "best" if self.goal is not None else goal.word
            lines.append(
                f"{first}: {goal.metric} = {(best[0].metrics or {})[goal.metric]:.6g} with {self.combination(best[0])}"
                f", run {best[0].run}{ties}"
            )
        omitted = sum(r.state == "omitted" for r in self.rows)
        return lines + ([f"{omitted} of {len(self.rows)} runs were not begun"] if omitted else [])

    def combination(self, row: Row) -> str:
        """The swept parameters of a run, such as ``lr=0.1 depth=3``."""
        return " ".join(f"{n}={value_text(row.parameters[n])}" for n in self.swept or row.parameters) or "no parameters"


def _measured(values: list[Any]) -> list[str]:
    """A metric of all runs as texts, with the same number of decimal places if the numbers have a similar size."""
    sizes = [abs(v) for v in values if isinstance(v, float) and math.isfinite(v) and v]
    alike = bool(sizes) and min(sizes) >= 0.001 and max(sizes) < 100_000
    return [
        "" if v is None else (f"{v:.4f}" if alike else f"{v:.5g}") if isinstance(v, float) else value_text(v) for v in values
    ]  # fmt: skip


def _plain(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else value


def _is_number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
