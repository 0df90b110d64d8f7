"""Runs a component in the live kernel: decides whether, how often and with which names its body runs."""

from __future__ import annotations

import copy
import reprlib
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from kfnb.analysis.syntax.ast_queries import names_in
from kfnb.analysis.unit_facts import Facts, Replay
from kfnb.analysis.units.abstract_state import IMPORT
from kfnb.kernel.components.attempt_component import Snapshot, attempt, restore_names
from kfnb.kernel.components.component_analysis import ComponentAnalysis, analyse_component
from kfnb.kernel.components.run_cell_text import CellBody, show_message
from kfnb.kernel_notebook.executed_cells import Registered
from kfnb.notebook.marks.cell_marks import COMPONENT
from kfnb.notebook.parsed_notebook import StepMarks
from kfnb.pipeline.parameters.mark_placeholders import resolved_settings
from kfnb.pipeline.references import STATUS
from kfnb.pipeline.units.draft_facts import MENTIONED
from kfnb.runtime.components import shell_steps
from kfnb.runtime.step_failures import Failure
from kfnb.runtime.values.failed_iteration import failed
from kfnb.thread_safe_parser import parse

SUCCEEDED: dict[str, Any] = {"state": "succeeded", "step": None, "message": ""}
CANCELLED: dict[str, Any] = {**SUCCEEDED, "state": "cancelled"}
NO_TEXT = (
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    type,
)  #: types of values that a script does not get as variables


class Skipped(Exception):
    """The component does not run, for the reason in the text."""


class ToleratedFailure(Exception):
    """The component has failed under ``on-failure:continue``: the kernel continues."""


@dataclass(frozen=True)
class MissingName:
    """A name that is missing since its step was skipped or failed. ``replay`` is its import, which later steps repeat."""

    step: str
    replay: Replay | None
    outcome: str = "was skipped"


@dataclass
class Components:
    """The components of one kernel and how they ended.

    Parameters
    ----------
    failed
        For each step whose last run failed, the status that an exit handler reads.
    missing_names
        Names that only skipped or failed steps define.
    states, started
        How the last run of each step ended, and when the first step started.
    """

    shell: Any
    cells: Registered
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing_names: dict[str, MissingName] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    started: float | None = None

    def end(self, step: str, state: str) -> None:
        """Record the end of a step. In a loop each iteration has its own state."""
        if not any(path.startswith(f"{step}[") for path in self.states):
            self.states[step] = state

    def begin(self, step: str) -> None:
        """Begin a step: forget how it ended before."""
        self.states = {p: s for p, s in self.states.items() if p.partition("[")[0] != step}
        self.started = self.started or time.time()
        self.failed.pop(step, None)
        self.missing_names = {n: u for n, u in self.missing_names.items() if u.step != step}

    def skipped(self, step: str, facts: Facts) -> None:
        """Record the names that are missing since the step was skipped."""
        for name in facts.may_define:
            if name not in self.shell.user_ns and not name.startswith("@"):
                replay = next((r for r in facts.replays if name in r.binds), None)
                self.missing_names[name] = MissingName(step, replay)

    def tolerate_failure(self, step: str, facts: Facts) -> None:
        """Record the names that are missing since the step failed, as for later steps of a pipeline."""
        for name in facts.may_define:
            if not name.startswith("@") and facts.kinds.get(name) != IMPORT:
                self.shell.user_ns.pop(name, None)
                self.missing_names[name] = MissingName(step, None, "failed")

    @property
    def status(self) -> dict[str, Any]:
        """The status that an exit handler reads: of the first step that failed and has not succeeded since."""
        names = {n for r in self.cells.cells if r.role == "parameters" for n in r.binds}
        known = {n: self.shell.user_ns[n] for n in sorted(names & self.shell.user_ns.keys())}
        return {
            **next(iter(self.failed.values()), SUCCEEDED),
            "run": None,
            "pipeline": None,
            "parameters": known,
            "started": self.started,
            "duration": None if self.started is None else time.time() - self.started,
            "steps": dict(self.states),
        }


@dataclass
class ComponentRun:
    """One run of one component.

    Parameters
    ----------
    line, source
        The text after ``%%component``, and the text below it.
    path
        The path of the step or of the current iteration.
    message
        The message of a failure for exit handlers. Default: the text of the exception.
    """

    components: Components
    marks: StepMarks
    line: str
    source: str
    path: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        self.path = self.marks.name
        self._names: dict[str, Any] = self.components.shell.user_ns

    @cached_property
    def analysis(self) -> ComponentAnalysis:
        """The analysis of the step as in a pipeline."""
        return analyse_component(self.components.cells, self.marks.name, f"{COMPONENT} {self.line}\n{self.source}")

    def run(self) -> None:
        """Run the component. Raises `Skipped` when it does not run, or the exception of its body."""
        marks, when = self.marks, self.marks.when
        asks_item = when is not None and marks.foreach is not None and marks.foreach.variable in names_in(parse(when))
        if when is not None and not asks_item and not self._holds(when):
            raise Skipped(f"`{when}` is false")
        body = None if marks.shell else CellBody(self.components.shell, self.source, self.components.cells.running)
        work = self._script if body is None else body.run
        try:
            if marks.foreach is not None:
                self._run_each(work, marks.foreach.variable, marks.foreach.items, when if asks_item else None)
            else:
                self._run_once(work)
        except BaseException as error:
            if self.marks.settings.may_fail and isinstance(error, Exception) and not isinstance(error, Skipped):
                raise ToleratedFailure(f"{type(error).__name__}: {error}") from error
            if isinstance(error, (KeyboardInterrupt, TimeoutError, Failure)):
                show_message(error, str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}")
            if body is not None:
                body.show(error)
            raise
        if self.components.missing_names:
            self.components.missing_names = {
                n: u for n, u in self.components.missing_names.items() if n not in self.analysis.facts.may_define
            }

    # ---------------------------------------------------------------- once, or once per item
    def _run_once(self, work: Callable[[], None]) -> None:
        missing = self._missing()
        if missing:
            raise Skipped(missing)
        if not self.marks.exit:
            self._attempt(work)
            return
        before = {STATUS: self._names[STATUS]} if STATUS in self._names else {}
        self._names[STATUS] = self.components.status
        try:
            self._attempt(work)
        finally:
            self._names.pop(STATUS, None)
            self._names.update(before)

    def _run_each(self, work: Callable[[], None], variable: str, items: str, when: str | None) -> None:
        """Run the body once for each item, each time from the same state. Then bind each of its names to the list of values."""
        values = self._evaluate_mark(items, f"the items of `{variable} in {items}`", list)
        facts = self.analysis.facts
        imports = {n for n in facts.may_define if facts.kinds.get(n) == IMPORT}
        collected: dict[str, list[Any]] = {
            n: [] for n in facts.may_define if n not in imports and not n.startswith("@")
        }
        missing = self._missing()
        if missing:
            print(f"{self.path} is skipped: {missing}")
        before = dict(self._names)
        try:
            for index, item in enumerate(values if not missing else ()):
                restore_names(self._names, before, imports)
                self._names[variable] = _copy_of(item)
                if when is not None and not self._holds(when):
                    continue
                self.path = f"{self.marks.name}[{index}]"
                self.components.states[self.path] = "failed"
                failure = self._run_item(work, variable, item)
                self.components.states[self.path] = "succeeded" if failure is None else "failed"
                for name, found in collected.items():
                    if failure is not None:
                        found.append(failed(failure, len(found)))
                    elif name in self._names:
                        found.append(self._names[name])
        finally:
            restore_names(self._names, before, imports)
        self._names.update(collected)

    def _run_item(self, work: Callable[[], None], variable: str, item: Any) -> dict[str, Any] | None:
        """Run the body for one item. Return the failure when it is tolerated."""
        try:
            self._attempt(work)
        except BaseException as error:
            print(f"{self.path} failed, where `{variable}` is {reprlib.repr(item)}")
            if not self.marks.settings.may_fail or not isinstance(error, Exception):
                raise
            print(f"{self.path}: {type(error).__name__}: {error}; the rest goes on")
            return {"step": self.marks.name, "type": type(error).__name__, "message": str(error), "item": item}
        return None

    def _attempt(self, work: Callable[[], None]) -> None:
        def snapshot() -> Snapshot:
            return Snapshot(self._names, self.analysis.changed, self.analysis.generators)

        attempt(resolved_settings(self.marks.settings, self._names), self.path, work, snapshot)

    # ---------------------------------------------------------------- expressions of marks, and missing names
    def _holds(self, when: str) -> bool:
        return bool(self._evaluate_mark(when, f"the condition `{when}`", bool))

    def _evaluate_mark(self, expression: str, subject: str, read: Callable[[Any], Any]) -> Any:
        """The value of a mark's expression. Raises `Skipped` when only a skipped step defines a name in it."""
        code = compile(expression, "<mark>", "eval", dont_inherit=True)
        while True:
            try:
                return read(eval(code, self._names))
            except Exception as error:
                name = error.name if isinstance(error, NameError) else None
                missing = self._resolve_missing({name} if name is not None else set())
                if missing:
                    raise Skipped(missing) from None
                if name is not None and name in self._names:
                    continue  # the name was an import of a skipped step, which has run now
                self.message = f"{subject} cannot be evaluated: {error}"
                show_message(error, f"{type(error).__name__}: step `{self.marks.name}`: {self.message}")
                raise

    def _missing(self) -> str:
        """Why the body cannot run: it needs a name that only a skipped step defines. Empty when it can run."""
        if all(n in self._names for n in self.components.missing_names):
            return ""
        return self._resolve_missing(set(self.analysis.facts.reads))

    def _resolve_missing(self, needed: set[str]) -> str:
        """Run the needed imports of skipped steps. Return a message when another needed name is missing, else nothing."""
        missing_here = {n: u for n, u in self.components.missing_names.items() if n in needed and n not in self._names}
        for name, missing in missing_here.items():
            if missing.replay is None:
                return f"it needs `{name}` of {missing.step}, which {missing.outcome}"
        for missing in missing_here.values():
            if missing.replay is not None:
                exec(compile(missing.replay.source, "<import>", "exec", dont_inherit=True), self._names)
        return ""

    # ---------------------------------------------------------------- shell steps
    def _script(self) -> None:
        """Run a shell step: names become environment variables, and output files become names."""
        outputs = [{"name": o.name, "path": o.path} for o in self.marks.outputs]
        ran = self.components.cells.running
        with tempfile.TemporaryDirectory(prefix="kfnb-") as folder:
            files = shell_steps.output_files(outputs, folder)
            status = shell_steps.run_script(self.source, self._variables(), files, outputs)
            if status:
                subject = f"cell {ran.last}" if ran is not None else f"step {self.marks.name}"
                raise Failure(
                    "shell", "exit", f"the script of {subject} ended with {shell_steps.exit_description(status)}"
                )
            self._names.update(shell_steps.read_outputs(files, {"shell_outputs": outputs}))

    def _variables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        outputs, hidden = {o.name for o in self.marks.outputs}, self.components.shell.user_ns_hidden
        for name in sorted(set(MENTIONED.findall(self.source)) - outputs):
            value = self._names.get(name)
            if name not in self._names or name in hidden or isinstance(value, NO_TEXT):
                continue
            text = shell_steps.as_text(value)
            if text is None:
                kind = type(value).__name__
                message = f"a shell step gets text, numbers and lists; `{name}` is a {kind}: turn it into text in an earlier step"
                raise Failure("load", kind, message)
            found[name] = text
        return found


def _copy_of(item: Any) -> Any:
    """A copy of an item, so that an iteration cannot change the items. An object without a copy is used itself."""
    try:
        return copy.deepcopy(item)
    except Exception:
        return item
