"""The conditions under which the tasks of one DAG template start: ``depends`` and ``when``.

Argo's controller starts every task whose ``depends`` holds, also when another task has failed (argo-workflows `workflow/controller/dag.go`).
So a step runs if, and only if, nothing that it comes after has failed. Argo has one state, Omitted, for a task that comes after a failed one and
for a task that comes after a skipped one. Where both are possible, ``depends`` also names the tasks before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kfnb.engines.argo.coded_expressions import quoted
from kfnb.engines.cluster.following.words.condition_words import ERROR, WORDS
from kfnb.runtime.pods.handover.coded_text import PREFIX


@dataclass
class TaskConditions:
    """Writes the conditions of the tasks of a template, each after those of the tasks that it depends on."""

    _depends: dict[str, dict[str, bool]] = field(default_factory=dict)  #: by the name of each task that is written
    _may_skip: dict[str, bool] = field(default_factory=dict)

    def add(
        self,
        task: dict[str, Any],
        depends: dict[str, bool],
        when: list[str],
        may_skip: bool = False,
        broken: dict[str, str] | None = None,
    ) -> None:
        """Add the conditions to a task.

        Parameters
        ----------
        depends
            The tasks before it. ``True`` means that it is skipped when they are skipped.
        when
            The expressions that must hold. Otherwise it is skipped.
        may_skip
            Whether it may be skipped for another reason, as a loop without items is.
        broken
            By an expression with which the task fails, the one with what the controller says then.
        """
        name = task["name"]
        self._depends[name] = depends
        self._may_skip[name] = may_skip or bool(when) or any(s and self._is_skippable(t) for t, s in depends.items())
        terms: dict[str, None] = {}
        for before, strict in depends.items():
            if strict or not self._is_skippable(before):
                terms[f"{before}.Succeeded"] = None
            else:
                terms[_ended_well(before)] = None
                terms.update(dict.fromkeys(self._no_failure_before(before)))
        if terms:
            task["depends"] = " && ".join(terms)
        if when:
            task["when"] = "{{= %s }}" % unless_broken(broken or {}, " && ".join(dict.fromkeys(when)))

    def _is_skippable(self, task: str) -> bool:
        """Whether a task may be skipped. Of a task that is not written yet, that is not known."""
        return self._may_skip.get(task, True)

    def _no_failure_before(self, task: str) -> list[str]:
        """The terms that say that a task was not left out because of a failure."""
        terms: dict[str, None] = {}
        pending, seen = [task], {task}
        while pending:
            for before in self._depends.get(pending.pop(), ()):
                if before in seen:
                    continue
                seen.add(before)
                if self._is_skippable(before):
                    terms[_ended_well(before)] = None
                    pending.append(before)
                else:  # it has succeeded only if everything before it has ended well
                    terms[f"{before}.Succeeded"] = None
        return list(terms)


def _ended_well(task: str) -> str:
    return f"({task}.Succeeded || {task}.Skipped || {task}.Omitted)"


# -------------------------------------------------------------------- conditions that cannot be evaluated
def is_error(choice: str) -> str:
    """The expression that says that a choice is none, because its condition cannot be evaluated."""
    return f"sprig.hasPrefix({quoted(ERROR)}, sprig.trimPrefix({quoted(PREFIX)}, {choice}))"


def failure_of(condition: str, choice: str) -> str:
    """The expression with which a task fails, because the condition of a choice cannot be evaluated.

    The controller can read its words neither as a condition nor as items. It says so of the task, and repeats them.
    """
    return "'" + WORDS % (condition, f"' + {choice} + '") + "'"


def unless_broken(broken: Mapping[str, str], expression: str) -> str:
    """An expression, or that of the first failure."""
    for error, failure in broken.items():
        expression = f"{error} ? {failure} : ({expression})"
    return expression
