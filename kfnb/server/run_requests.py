"""Answers requests about runs. Each request opens the record of runs in its own thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kfnb.engines.cluster.clients.cluster_errors import ClusterError
from kfnb.engines.cluster.targets.targets import (
    Target,
    misplaced_options,
    options_of,
    target_named,
    targets,
    usable_target,
    withheld_problems,
)
from kfnb.engines.cluster.trust.trust_proposals import proposals
from kfnb.engines.cluster.trust.trusted_files import TrustStore
from kfnb.engines.engine_interface import Engine, RunOptions
from kfnb.engines.local import LocalEngine
from kfnb.engines.local.containers.container_tool import installed_tool
from kfnb.engines.local.processes.launch_run_process import WarmProcess
from kfnb.engines.open_engine import engine_for, engine_of
from kfnb.images.needs.step_requirements import travelling_files
from kfnb.notebook.formats.text_cells import is_text
from kfnb.notebook.notebook_source import division_in, with_division
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.problems import Problem, errors
from kfnb.runs.kept_notebook import cell_sources, keep_notebook, kept_notebook
from kfnb.runs.kept_pipeline import begun_step, kept_pipeline
from kfnb.runs.notebook_runs import notebook_of_run, of_notebook
from kfnb.runs.record.run_query import RunQuery
from kfnb.runs.record.run_store import RunStore, has_record
from kfnb.runs.retention.prune_runs import Pruned, delete_runs
from kfnb.runs.step_inputs_outputs import previews
from kfnb.states import FINAL

if TYPE_CHECKING:
    from kfnb.engines.cluster.submission.cluster_engine import ClusterEngine
    from kfnb.engines.cluster.submission.planned_retry import PlannedRetry

ASK_AGAIN = 3.0  #: seconds between two requests to a cluster that does not answer


class Refused(Exception):
    """A run that cannot start. ``problems`` has the reasons in the form of `Problem.to_json`."""

    def __init__(self, problems: list[Problem]) -> None:
        first = problems[0]
        super().__init__(f"{first.message}{f'; {first.hint}' if first.hint else ''}")
        self.problems = [p.to_json() for p in problems]


class Runs:
    """The runs of this server's user. Several threads may use it at the same time."""

    def __init__(self) -> None:
        self._following: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._warm_process = WarmProcess()

    def close(self) -> None:
        """Stop following runs on clusters. The runs themselves go on."""
        self._closed.set()
        self._warm_process.close()

    def prepare(self) -> None:
        """Prepare a process so that the next run starts at once, because a user has opened a notebook that can run."""
        self._warm_process.prepare()

    @contextmanager
    def record(self) -> Iterator[RunStore]:
        """The record of runs, for this thread."""
        store = RunStore()
        try:
            yield store
        finally:
            store.close()

    def current(self, store: RunStore | None) -> RunStore | None:
        """The current record for a caller that keeps it open: the same object, a new one if the file was replaced, or ``None`` if it is gone."""
        if store is not None and store.is_current:
            return store
        if store is not None:
            store.close()
        return RunStore() if has_record() else None

    # ---------------------------------------------------------------- queries
    def find(self, query: RunQuery, notebook: tuple[str | None, str | None] | None) -> dict[str, Any]:
        """A page of ``runs``, each with its metrics, and how many there are in ``total``.

        Parameters
        ----------
        notebook
            Only the runs of this notebook: its path on disk, and the id in its metadata.
        """
        with self.record() as store:
            if notebook is not None:
                own = of_notebook(store, *notebook)
                query = replace(query, notebook=own.notebook, notebook_id=own.notebook_id)
            heads, total = store.find(query)
            return {"runs": [{**h, "metrics": store.summary(h["run"])["metrics"]} for h in heads], "total": total}

    def snapshot(self, run_id: str) -> dict[str, Any]:
        """The present state of a run, and the number of the last event that it includes. Raises `UnknownRun`."""
        with self.record() as store:
            return snapshot(store, run_id)

    def pipeline(self, run_id: str) -> Pipeline:
        """The pipeline of a run. Raises `UnknownRun`."""
        with self.record() as store:
            store.head(run_id)
            return kept_pipeline(store, run_id)

    def sources(self, run_id: str) -> dict[str, str]:
        """The code of a run's cells by their ids; of a notebook whose cells have none, nothing. Raises `UnknownRun`."""
        with self.record() as store:
            store.head(run_id)
            return cell_sources(kept_notebook(store, run_id))

    def values(self, run_id: str, path: str) -> dict[str, Any]:
        """The inputs and outputs of a step, described without loading a value."""
        with self.record() as store:
            step = begun_step(store, run_id, path)
            return previews(store, run_id, step["path"]) if step is not None else {"inputs": [], "outputs": []}

    def targets(self, notebook: Path | None) -> dict[str, Any]:
        """The targets that can be seen from a notebook, and whether the user has chosen what they contact; and what runs containers here.

        Raises `BadTarget`.
        """
        visible = targets(notebook).values()
        listed = [{"name": t.name, "engine": t.engine, "trusted": not t.asks and not t.error} for t in visible]
        return {"targets": listed, "containers": installed_tool()}

    def proposals(self, notebook: Path | None) -> list[dict[str, Any]]:
        """The files beside a notebook that ask for trust, with what they ask for. Raises `BadTarget`."""
        return [p.to_json() for p in proposals(notebook, TrustStore())]

    # ---------------------------------------------------------------- commands
    def trust(self, notebook: Path | None, fingerprint: str) -> bool:
        """Trust the file that the user was shown. ``False`` if the file has changed or is gone. Raises `BadTarget`."""
        store = TrustStore()
        match = next((p for p in proposals(notebook, store) if p.fingerprint == fingerprint), None)
        if match is not None:
            match.accept(store)
        return match is not None

    def is_cluster(self, target: str, notebook: Path | None) -> bool:
        """Whether a target runs steps elsewhere than on this machine. Raises `BadTarget`."""
        return target_named(target, notebook).engine != "local"

    def start(
        self, pipeline: Pipeline, source: Any, target: str, values: dict[str, str], **options: Any
    ) -> tuple[str, list[Problem]]:
        """Begin a run; give its id, and what the user should know of it. ``source``: the notebook's JSON, kept with the run.

        Raises
        ------
        NotebookError
            For a parameter that is not there or cannot be converted.
        Refused
            When the target cannot run this.
        BadTarget, ClusterError
            When there is no such target, or it does not answer.
        """
        chosen = usable_target(target, Path(options["notebook"]) if options.get("notebook") else None)
        with self.record() as store:
            notebook_id = notebook_of_run(store, options.get("notebook"), source)
            run_options = RunOptions(parameters=bind(pipeline, values), notebook_id=notebook_id, **options)
            engine = engine_for(store, chosen, self._warm_process.launch)
            misplaced = misplaced_options(chosen, run_options)
            problems = [*misplaced, *withheld_problems(chosen), *engine.check(pipeline, run_options)]
            if errors(problems):
                raise Refused(errors(problems))
            if not _builds_images(engine):
                run_id = engine.submit(pipeline, run_options)
                keep_notebook(store, run_id, source)
                self.follow(run_id)
                return run_id, problems
            run_id = cast("ClusterEngine[Any, Any]", engine).begin(pipeline, run_options)
            keep_notebook(store, run_id, source)
        # Images may take minutes to build. Meanwhile the run stands in the record, and its first step says what is done.
        threading.Thread(target=self._deliver, args=(run_id,), daemon=True).start()
        return run_id, problems

    def compiled(
        self, pipeline: Pipeline, target: str, notebook: Path | None, engine: str | None, python: str | None
    ) -> dict[str, Any]:
        """The pipeline in the form of a target's engine, or of an ``engine`` by its name, and the files that travel with it.

        ``python`` is the interpreter of the notebook's kernel.
        """
        chosen = Target(engine, engine, {}) if engine else target_named(target, notebook)
        folder = notebook.parent if notebook is not None else Path()
        cluster = chosen.engine != "local"
        settings = options_of(chosen)
        files = (
            travelling_files(pipeline, folder, settings.packages, None, python, settings.travel_limit)
            if cluster
            else []
        )
        with self.record() as store:
            text = engine_for(store, chosen).compile(pipeline, str(folder), python)
        return {"text": text, "files": [asdict(f) for f in files]}

    def cancel(self, run_id: str) -> bool:
        """Cancel a run; a second call ends it at once. ``False`` if it has already ended."""
        with self._engine(run_id) as engine:
            return engine.cancel(run_id)

    def choices(self) -> dict[str, list[str]]:
        """What runs can be told apart by: the notebooks, targets, experiments and tags that there are."""
        with self.record() as store:
            return store.choices()

    def experiments(self) -> list[dict[str, Any]]:
        """All experiments, the one with the newest run first."""
        with self.record() as store:
            return [asdict(one) for one in store.experiments()]

    def label(self, run_id: str, tags: list[str] | None, note: str | None) -> None:
        """Set the tags of a run, its note, or both. Raises `UnknownRun`."""
        with self.record() as store:
            store.label(run_id, tags, note)

    def delete(self, runs: list[str], skip: bool = False) -> Pruned:
        """Delete runs from the record. Raises `StillRuns` if one has not ended, unless ``skip`` leaves it."""
        with self.record() as store:
            if not skip:
                store.head(runs[0])
            return delete_runs(store, runs, skip=skip)

    def divided_as_before(self, run_id: str, notebook: Any) -> Any:
        """A notebook's JSON, divided into steps as the notebook of the run was. Raises `UnknownRun`."""
        with self.record() as store:
            store.head(run_id)
            return with_division(notebook, division_in(kept_notebook(store, run_id)))

    def retry(self, run_id: str, start: str | None, pipeline: Pipeline | None, source: Any, **options: Any) -> None:
        """Take a run up again; ``source``: the notebook's JSON now; ``options``: its interpreter now. Raises `UnknownRun` when it has not ended or has no such step."""
        with self._engine(run_id) as engine:
            if isinstance(engine, LocalEngine) and pipeline is not None:
                wrong = errors(engine.check(pipeline, RunOptions(**options)))
                if wrong:
                    raise Refused(wrong)
                engine.retry(run_id, start, pipeline, **options)
            elif _builds_images(engine):
                plan = cast("ClusterEngine[Any, Any]", engine).begin_retry(run_id, start, pipeline)
                if plan is not None:
                    threading.Thread(target=self._deliver_retry, args=(run_id, plan, source), daemon=True).start()
                    return
            else:
                engine.retry(run_id, start, pipeline)
            if source is not None:
                keep_notebook(engine.store, run_id, source)
        self.follow(run_id)

    @contextmanager
    def _engine(self, run_id: str) -> Iterator[Engine]:
        with self.record() as store:
            store.head(run_id)
            yield engine_of(store, run_id, self._warm_process.launch)

    # ---------------------------------------------------------------- runs on clusters
    def follow(self, run_id: str) -> None:
        """Follow a run on a cluster so that its record stays current. A local run updates the record itself."""
        with self.record() as store:
            head = store.head(run_id)
        if head["engine"] == "local" or head["state"] in FINAL:
            return
        with self._lock:
            known = self._following.get(run_id)
            if known is None or not known.is_alive():
                self._following[run_id] = threading.Thread(target=self._follow, args=(run_id,), daemon=True)
                self._following[run_id].start()

    def _deliver_retry(self, run_id: str, plan: PlannedRetry, source: Any) -> None:
        with self._engine(run_id) as engine, suppress(ClusterError):  # the record of the run says it
            cast("ClusterEngine[Any, Any]", engine).deliver_retry(run_id, plan)
            if source is not None:
                keep_notebook(engine.store, run_id, source)
        self.follow(run_id)

    def _deliver(self, run_id: str) -> None:
        with self._engine(run_id) as engine, suppress(ClusterError):  # the record of the run says it
            cast("ClusterEngine[Any, Any]", engine).deliver(run_id)
        self.follow(run_id)

    def _follow(self, run_id: str) -> None:
        """Follow a run to its end. While its cluster does not answer, the record says so, and the cluster is asked again."""
        with self._engine(run_id) as engine:
            while not self._closed.is_set() and engine.store.state(run_id) not in FINAL:
                try:
                    with engine.following(run_id) as following:
                        while not self._closed.wait(0.5) and engine.store.state(run_id) not in FINAL:
                            following.look()
                except Exception as error:  # what a cluster answers: told to whoever looks at the run
                    _record_trouble(engine.store, run_id, _error_json(error))
                    if not isinstance(error, ClusterError):
                        return
                    self._wait_for_answer(engine, run_id)

    def _wait_for_answer(self, engine: Engine, run_id: str) -> None:
        """Wait until the cluster of a run answers again, or the run or this server ends."""
        while not self._closed.wait(ASK_AGAIN) and engine.store.state(run_id) not in FINAL:
            with suppress(ClusterError):
                engine.refresh(run_id)
                _record_trouble(engine.store, run_id, None)
                return


def _builds_images(engine: Engine) -> bool:
    """Whether images are built before a run, which may take minutes."""
    return not isinstance(engine, LocalEngine) and bool(
        options_of(cast("ClusterEngine[Any, Any]", engine).target).repository
    )


def _error_json(error: Exception) -> dict[str, Any]:
    return {"kind": "cluster", "type": type(error).__name__, "message": str(error), "since": time.time()}


def _record_trouble(store: RunStore, run_id: str, trouble: dict[str, Any] | None) -> None:
    """Record why nothing new is known of a run, or that this is over, unless the run has ended."""
    with store.changing():
        state = store.state(run_id)
        if state not in FINAL:
            store.record_run(run_id, state, error=trouble)


def snapshot(store: RunStore, run_id: str) -> dict[str, Any]:
    """The present state of a run. Raises `UnknownRun`."""
    last = store.last_event(run_id)
    head, summary = store.head(run_id), store.summary(run_id)
    steps = [{k: v for k, v in s.items() if k not in ("result", "key")} for s in store.steps(run_id)]
    return {
        "run": {**head, "page": summary.get("page")}, "steps": steps, "metrics": summary["metrics"], "seq": last,
        "cell_lines": _cell_lines(store, head),
    }  # fmt: skip


def _cell_lines(store: RunStore, head: dict[str, Any]) -> dict[str, int] | None:
    """The lines of a text file on which a run's cells begin, by the cells' numbers; ``None`` where lines are those of the cells."""
    if not is_text(head["notebook"]):
        return None
    notebook = kept_notebook(store, head["run"])
    if not isinstance(notebook, dict) or not isinstance(notebook.get("form"), str):
        return None  # as a front end has it open
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    return {str(number): cell["line"] for number, cell in enumerate(code, 1)}
