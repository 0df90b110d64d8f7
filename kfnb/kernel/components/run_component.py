"""One run of a component in the live kernel: whether, how often and with which names its body runs."""

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
from kfnb.kernel.components.cell_body import Body, show_words
from kfnb.kernel.components.component_analysis import Meaning, meaning_of
from kfnb.kernel.components.component_attempts import Beginning, attempt, put_back
from kfnb.kernel_notebook.executed_cells import Registered
from kfnb.notebook.marked_cells import StepMarks
from kfnb.notebook.marks.cell_marks import COMPONENT
from kfnb.pipeline.build.notebook_units import MENTIONED
from kfnb.pipeline.parameters.mark_placeholders import resolved_settings
from kfnb.python_parser import parse
from kfnb.runtime.components import shell_steps
from kfnb.runtime.step_failures import Failure
from kfnb.runtime.values.failed_iteration import failed

STATUS = "kfnb_status"
SUCCEEDED: dict[str, Any] = {"state": "succeeded", "step": None, "message": ""}
CANCELLED: dict[str, Any] = {**SUCCEEDED, "state": "cancelled"}
NO_TEXT = (ModuleType, FunctionType, BuiltinFunctionType, type)  #: what a script means something else by, of that name


class Skipped(Exception):
    """The component does not run, and why."""


class LetFail(Exception):
    """The component has failed, and may: the kernel goes on."""


@dataclass(frozen=True)
class Unmade:
    """A name that a step would have made which was skipped, or failed. ``replay``: an import, which later steps run again."""

    step: str
    replay: Replay | None
    happened: str = "was skipped"


@dataclass
class Components:
    """What became of the components of one kernel.

    Parameters
    ----------
    failed
        For each step that failed when it ran last, what the exit handler is told.
    unmade
        Names that only skipped steps would have made.
    states, started
        How each step ended when it ran last, and when the first one began.
    """

    shell: Any
    cells: Registered
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    unmade: dict[str, Unmade] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    started: float | None = None

    def ends(self, step: str, state: str) -> None:
        """How it ended; of a loop each iteration has its own state."""
        if not any(path.startswith(f"{step}[") for path in self.states):
            self.states[step] = state

    def begins(self, step: str) -> None:
        """What became of it before is over."""
        self.states = {p: s for p, s in self.states.items() if p.partition("[")[0] != step}
        self.started = self.started or time.time()
        self.failed.pop(step, None)
        self.unmade = {n: u for n, u in self.unmade.items() if u.step != step}

    def skipped(self, step: str, facts: Facts) -> None:
        """Remember what the step would have made and nobody else has."""
        for name in facts.may:
            if name not in self.shell.user_ns and not name.startswith("@"):
                replay = next((r for r in facts.replays if name in r.binds), None)
                self.unmade[name] = Unmade(step, replay)

    def let_fail(self, step: str, facts: Facts) -> None:
        """The step failed and the rest goes on: what it would have made is not there, as for a pipeline's later steps."""
        for name in facts.may:
            if not name.startswith("@") and facts.kinds.get(name) != IMPORT:
                self.shell.user_ns.pop(name, None)
                self.unmade[name] = Unmade(step, None, "failed")

    @property
    def status(self) -> dict[str, Any]:
        """What an exit handler is told: of the first step that failed and has not succeeded since. A kernel is no run."""
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
class Running:
    """One run of one component.

    Parameters
    ----------
    line, source
        What stands after ``%%component``, and below it.
    path
        The step, or the iteration that runs.
    message
        What an exit handler is told of a failure; empty: the exception's own text.
    """

    of: Components
    marks: StepMarks
    line: str
    source: str
    path: str = ""
    message: str = ""

    def __post_init__(self) -> None:
        self.path = self.marks.name
        self._names: dict[str, Any] = self.of.shell.user_ns

    @cached_property
    def meaning(self) -> Meaning:
        """What the pipeline's analysis says of the step."""
        return meaning_of(self.of.cells, self.marks.name, f"{COMPONENT} {self.line}\n{self.source}")

    def run(self) -> None:
        """Raises `Skipped` where the step does not run, else what its body raises."""
        marks, when = self.marks, self.marks.when
        asks_item = when is not None and marks.foreach is not None and marks.foreach.variable in names_in(parse(when))
        if when is not None and not asks_item and not self._holds(when):
            raise Skipped(f"`{when}` is false")
        body = None if marks.shell else Body(self.of.shell, self.source, self.of.cells.running)
        work = self._script if body is None else body.run
        try:
            if marks.foreach is not None:
                self._each(work, marks.foreach.variable, marks.foreach.items, when if asks_item else None)
            else:
                self._once(work)
        except BaseException as error:
            if self.marks.settings.may_fail and isinstance(error, Exception) and not isinstance(error, Skipped):
                raise LetFail(f"{type(error).__name__}: {error}") from error
            if isinstance(error, (KeyboardInterrupt, TimeoutError, Failure)):
                show_words(error, str(error) if isinstance(error, Failure) else f"{type(error).__name__}: {error}")
            if body is not None:
                body.show(error)
            raise
        if self.of.unmade:
            self.of.unmade = {n: u for n, u in self.of.unmade.items() if n not in self.meaning.facts.may}

    # ---------------------------------------------------------------- once, or once per item
    def _once(self, work: Callable[[], None]) -> None:
        missing = self._missing()
        if missing:
            raise Skipped(missing)
        if not self.marks.exit:
            self._attempt(work)
            return
        before = {STATUS: self._names[STATUS]} if STATUS in self._names else {}
        self._names[STATUS] = self.of.status
        try:
            self._attempt(work)
        finally:
            self._names.pop(STATUS, None)
            self._names.update(before)

    def _each(self, work: Callable[[], None], variable: str, items: str, when: str | None) -> None:
        """Once per item, each from the same beginning; afterwards every name the body binds is the list of its values."""
        values = self._asked(items, f"the items of `{variable} in {items}`", list)
        facts = self.meaning.facts
        imports = {n for n in facts.may if facts.kinds.get(n) == IMPORT}
        collected: dict[str, list[Any]] = {n: [] for n in facts.may if n not in imports and not n.startswith("@")}
        missing = self._missing()
        if missing:
            print(f"{self.path} is skipped: {missing}")
        before = dict(self._names)
        try:
            for index, item in enumerate(values if not missing else ()):
                put_back(self._names, before, imports)
                self._names[variable] = _own(item)
                if when is not None and not self._holds(when):
                    continue
                self.path = f"{self.marks.name}[{index}]"
                self.of.states[self.path] = "failed"
                failure = self._item(work, variable, item)
                self.of.states[self.path] = "succeeded" if failure is None else "failed"
                for name, found in collected.items():
                    if failure is not None:
                        found.append(failed(failure, len(found)))
                    elif name in self._names:
                        found.append(self._names[name])
        finally:
            put_back(self._names, before, imports)
        self._names.update(collected)

    def _item(self, work: Callable[[], None], variable: str, item: Any) -> dict[str, Any] | None:
        """Run the body for one item; how it failed, where it may fail."""
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
        def beginning() -> Beginning:
            return Beginning(self._names, self.meaning.changed, self.meaning.generators)

        attempt(resolved_settings(self.marks.settings, self._names), self.path, work, beginning)

    # ---------------------------------------------------------------- what is asked, and what is missing
    def _holds(self, when: str) -> bool:
        return bool(self._asked(when, f"the condition `{when}`", bool))

    def _asked(self, expression: str, what: str, read: Callable[[Any], Any]) -> Any:
        """The value of a mark's expression. Raises `Skipped` when only a skipped step would have made a name in it."""
        code = compile(expression, "<mark>", "eval", dont_inherit=True)
        while True:
            try:
                return read(eval(code, self._names))
            except Exception as error:
                name = error.name if isinstance(error, NameError) else None
                missing = self._unmade({name} if name is not None else set())
                if missing:
                    raise Skipped(missing) from None
                if name is not None and name in self._names:
                    continue  # an import of a skipped step
                self.message = f"{what} cannot be worked out: {error}"
                show_words(error, f"{type(error).__name__}: step `{self.marks.name}`: {self.message}")
                raise

    def _missing(self) -> str:
        """Why the body cannot run: it needs what only a skipped step would have made. Empty: it can."""
        if all(n in self._names for n in self.of.unmade):
            return ""
        return self._unmade(set(self.meaning.facts.reads))

    def _unmade(self, needed: set[str]) -> str:
        """The imports of skipped steps that are needed are run; of the rest it is said what is missing."""
        gone = {n: u for n, u in self.of.unmade.items() if n in needed and n not in self._names}
        for name, unmade in gone.items():
            if unmade.replay is None:
                return f"it needs `{name}` of {unmade.step}, which {unmade.happened}"
        for unmade in gone.values():
            if unmade.replay is not None:
                exec(compile(unmade.replay.source, "<import>", "exec", dont_inherit=True), self._names)
        return ""

    # ---------------------------------------------------------------- shell steps
    def _script(self) -> None:
        """The notebook's names as environment variables, output files back as names."""
        outputs = [{"name": o.name, "path": o.path} for o in self.marks.outputs]
        ran = self.of.cells.running
        with tempfile.TemporaryDirectory(prefix="kfnb-") as folder:
            files = shell_steps.output_files(outputs, folder)
            status = shell_steps.run_script(self.source, self._variables(), files, outputs)
            if status:
                whose = f"cell {ran.last}" if ran is not None else f"step {self.marks.name}"
                raise Failure("shell", "exit", f"the script of {whose} ended with {shell_steps.ending(status)}")
            self._names.update(shell_steps.read_outputs(files, {"shell_outputs": outputs}))

    def _variables(self) -> dict[str, str]:
        found: dict[str, str] = {}
        outputs, hidden = {o.name for o in self.marks.outputs}, self.of.shell.user_ns_hidden
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


def _own(item: Any) -> Any:
    """A copy, so that an iteration changes only what is its own; what cannot be copied cannot travel to a step either."""
    try:
        return copy.deepcopy(item)
    except Exception:
        return item
