"""The view of a run, and of a pipeline that can be run: its state, the actions that a page requests, and its faces."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from kfnb.pipeline.build.build_pipeline import Built
from kfnb.pipeline.drawing.explain_pipeline import text as explained
from kfnb.pipeline.drawing.graph_elements import graph_of
from kfnb.pipeline.model import Parameter, Pipeline
from kfnb.pipeline.parameters.bind_values import schema_of
from kfnb.pipeline.parameters.value_schema import choices
from kfnb.problems import NotebookError, Problem
from kfnb.runs.record.run_store import RunStore
from kfnb.runs.run_as_text import run_as_text
from kfnb.widgets.follow_runs import Follower, follow, leave
from kfnb.widgets.frontend_views import show
from kfnb.widgets.log_tail import MOST_LINES, LogTail
from kfnb.widgets.view_protocols import ControlledRun, Face
from kfnb.widgets.view_state import Json, first_failed

Start = Callable[[dict[str, str], str], ControlledRun]
NotebookNow = Callable[[], Any]  #: the notebook that a retry takes, as `kfnb.Run.retry` takes it


class View:
    """What every view has. Several threads may use it; whatever takes time is done in a thread of its own.

    While ``lock`` is held, it receives no changes.
    """

    def __init__(self, name: str, pipeline: Pipeline, notebook_now: NotebookNow | None = None) -> None:
        self.name, self.graph = name, graph_of(pipeline)
        self._pipeline = pipeline
        self._folded: frozenset[str] = frozenset()  #: the frames that the page has folded
        self._notebook_now = notebook_now
        self._start: Start | None = None
        self.lock = threading.RLock()
        self._follower: Follower | None = None
        self._run: ControlledRun | None = None
        self._log = LogTail()
        self._faces: list[Face] = []
        self._sequence = 0
        self._state: Json = {
            "name": name, "graph": self.graph.to_json(), "form": None, "run": None, "steps": {}, "chosen": None, "log": None,
            "notice": None, "doing": None,
        }  # fmt: skip

    # ---------------------------------------------------------------- what it shows
    def display(self) -> None:
        """Show the view in the output of the cell that runs; in a terminal, as text."""
        show(self)

    def snapshot(self) -> Json:
        """The whole state; ``sequence`` is the number of changes that were sent before."""
        with self.lock:
            return {**self._state, "steps": dict(self._state["steps"]), "sequence": self._sequence, "now": time.time()}

    def states(self) -> dict[str, str]:
        """The state of every step and iteration by its path; empty before there is a run."""
        return self._follower.standing.states() if self._follower is not None else {}

    @property
    def run(self) -> ControlledRun | None:
        """The run that is shown, if there is one yet."""
        return self._run

    @property
    def active(self) -> bool:
        """Whether the run may still change."""
        return self._follower is not None and not self._follower.standing.ended

    def __str__(self) -> str:
        shown = self.snapshot()
        notice = (shown["notice"] or {}).get("text")
        return "\n".join([self._text(shown), *([notice] if notice else [])])

    def _text(self, shown: Json) -> str:
        return run_as_text(self.name, shown["run"], shown["steps"], shown["now"])

    def finish(self, timeout: float | None = None) -> None:
        """Wait until the view shows the end of the run; ``timeout`` is in seconds."""
        if self._follower is not None:
            self._follower.join(timeout)

    def close(self) -> None:
        """Stop following the run, and remove the controls from the page."""
        if self._follower is not None:
            leave(self._follower, self)
        with self.lock:
            for face in self._faces:
                face.close()
            self._faces.clear()

    def add_face(self, face: Face) -> None:
        with self.lock:
            self._faces.append(face)

    # ---------------------------------------------------------------- changes that it receives while a run goes on
    def update(self, changes: Json) -> None:
        with self.lock:
            self._merge(changes)
            self._sequence += 1
            for face in self._faces:
                face.update({**changes, "sequence": self._sequence})

    def tick(self, store: RunStore) -> None:
        with self.lock:
            self._read_log(store)
            for face in self._faces:
                face.tick()

    def flush(self, store: RunStore) -> None:
        with self.lock:
            failed = first_failed(self._state["steps"], (self._state["run"] or {}).get("error"))
            if failed is not None and self._state["chosen"] is None:
                self._choose(failed)
            self._read_log(store)
            for face in self._faces:
                face.flush()

    def _merge(self, changes: Json) -> None:
        state = self._state
        for key, value in changes.items():
            if key == "steps":
                steps = dict(value) if changes.get("fresh") else {**state["steps"], **value}
                state["steps"] = {name: step for name, step in steps.items() if step is not None}
            elif key == "log" and value is not None and "add" in value:
                state["log"] = {**state["log"], "lines": [*state["log"]["lines"], *value["add"]][-MOST_LINES:]}
            elif key in state:
                state[key] = value

    def _read_log(self, store: RunStore) -> None:
        if self._follower is not None:
            news = self._log.news(store, self._follower.standing)
            if news:
                self.update(news)

    def _choose(self, step: str, path: str | None = None, attempt: int | None = None) -> None:
        self._log.choose(step, path, attempt)
        self.update({"chosen": step})

    # ---------------------------------------------------------------- what it does on request
    def act(self, request: Json) -> None:
        """Do what somebody requests on the page, in a thread of its own: this one may be the kernel's.

        Parameters
        ----------
        request
            ``do`` is one of ``run cancel retry choose fold look``; the rest is what it takes.
        """
        threading.Thread(target=self._act, args=(request,), name="kfnb-request", daemon=True).start()

    def _act(self, request: Json) -> None:
        slow = request.get("do") in ("run", "cancel", "retry")
        try:
            if slow:
                self.update({"notice": None, "doing": request["do"]})
            self._do(request)
        except Exception as error:  # only the page can show it
            self.update({"notice": notice_of(error)})
        finally:
            if slow:
                self.update({"doing": None})
            self._settle()

    def _settle(self) -> None:
        """Show everything now, unless a follower does so later."""
        with self.lock:
            if not self.active:
                for face in self._faces:
                    face.flush()

    def _do(self, request: Json) -> None:
        kind = request.get("do")
        if kind == "run" and self._start is not None:
            values = {str(n): str(v) for n, v in request["parameters"].items()}
            self.show(self._start(values, str(request["target"])))
        elif kind == "cancel" and self._run is not None:
            self._run.cancel()
        elif kind == "retry" and self._run is not None:
            now = self._notebook_now() if self._notebook_now is not None else None
            self.show(self._run.retry(request.get("step"), now))
        elif kind == "choose":
            self._show_log(request["step"], request.get("path"), request.get("attempt"))
        elif kind == "fold":
            self._fold(str(request["frame"]))
        elif kind == "look" and self._run is not None and self._has_moved():
            self.show(self._run)

    def show(self, run: ControlledRun) -> None:
        """Show this run from now on, and follow it to its end."""
        graph = graph_of(run.pipeline)
        with self.lock:
            if self._follower is not None:
                leave(self._follower, self)
            again = self._run is not None and self._run.id == run.id
            self._run = run
            self._follower = follow(run, self)
            standing = self._follower.standing
            fresh: Json = {"run": standing.run(), "steps": standing.steps(), "fresh": True, "now": time.time()}
            if graph != self.graph:
                self.graph, self._pipeline = graph, run.pipeline
                fresh["graph"] = graph_of(run.pipeline, self._folded).to_json()
            if not again:
                self._log = LogTail()
                fresh.update(chosen=None, log=None)
            self.update(fresh)
        if standing.ended:
            with run.record() as store:
                self.flush(store)

    def _fold(self, frame: str) -> None:
        """Fold a frame, or unfold it again. The picture beside the page keeps the whole graph."""
        with self.lock:
            self._folded ^= {frame}
            self.update({"graph": graph_of(self._pipeline, self._folded).to_json()})

    def _show_log(self, step: str, path: str | None, attempt: int | None) -> None:
        with self.lock:
            self._choose(step, path, attempt)
            follower = self._follower
        if follower is not None and self._run is not None:
            with self._run.record() as store, self.lock:
                self._read_log(store)

    def _has_moved(self) -> bool:
        """Whether somebody else has retried the run."""
        if self._follower is None or self._run is None or not self._follower.ended:
            return False
        with self._run.record() as store:
            return store.last_event(self._run.id) > self._follower.standing.seq


class RunView(View):
    """A view of a run, live until it has ended, and again when it is retried.

    Parameters
    ----------
    run
        The run.
    notebook_now
        Gives the notebook as it is now, which a retry takes; ``None``, or where it gives ``None``: what was run.
    """

    def __init__(self, run: ControlledRun, notebook_now: NotebookNow | None = None) -> None:
        super().__init__(run.name, run.pipeline, notebook_now)
        self.show(run)


class PipelineView(View):
    """A view of a pipeline that has not run yet: its graph, its parameters, and what begins a run, which it then shows.

    Parameters
    ----------
    built
        The pipeline; its warnings are shown.
    start
        Begins a run: the parameters that were given, as text, and the name of the target. Called in a thread of its
        own; what it raises is shown.
    targets
        Names of the targets that can be chosen. ``local`` is *Run*, others are *Submit to TARGET*.
    notebook_now
        As for `RunView`.

    Raises
    ------
    NotebookError
        When there is no pipeline; the problems say why.
    """

    def __init__(
        self, built: Built, start: Start, targets: Iterable[str], notebook_now: NotebookNow | None = None
    ) -> None:
        pipeline = built.require()
        super().__init__(pipeline.name, pipeline, notebook_now)
        self._start = start
        self._state["form"] = form_of(pipeline, targets)
        warnings = [str(p) for p in built.problems if p.severity == "warning"]
        if warnings:
            self._state["notice"] = {"kind": "warning", "text": "\n".join(warnings)}

    def _text(self, shown: Json) -> str:
        return super()._text(shown) if shown["run"] is not None else explained(self._pipeline)


def form_of(pipeline: Pipeline, targets: Iterable[str]) -> Json:
    """What can be filled in: parameters with their types and defaults, and the targets."""
    rows = [_row(p) for p in pipeline.parameters]
    return {"parameters": rows, "targets": list(targets)}


def _row(parameter: Parameter) -> Json:
    options = [as_typed(v) for v in choices(schema_of(parameter)) or ()]
    row = {"name": parameter.name, "type": parameter.type, "default": as_typed(parameter.default)}
    return {**row, **({"choices": options} if options and parameter.type != "bool" else {})}


def as_typed(value: Any) -> str:
    """A default as one would type it."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def notice_of(error: Exception) -> Json:
    """What is shown of an error: at the fields that it is about, else as a message."""
    if isinstance(error, NotebookError):
        fields = {p.name: _at_field(p) for p in error.problems if p.name and p.code in ("KF501", "KF502", "KF509")}
        others = [str(p) for p in error.problems if p.name not in fields]
        return {"kind": "error", "text": "\n".join(others), "fields": fields}
    notice = str(error) or type(error).__name__
    unexpected = type(error).__module__ == "builtins"
    return {"kind": "error", "text": f"{type(error).__name__}: {notice}" if unexpected else notice}


def _at_field(problem: Problem) -> str:
    message = problem.message.removeprefix(f"parameter `{problem.name}`: ")
    return f"{message}{f'; {problem.hint}' if problem.hint else ''}"


def show_run(run: ControlledRun, notebook_now: NotebookNow | None = None) -> RunView:
    """Show a run in the output of the cell that runs."""
    view = RunView(run, notebook_now)
    view.display()
    return view
