"""What every engine offers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import Event, RunStore, UnknownRun

OPTIONS = "options.json"  #: in the run's folder: its `RunOptions`


@dataclass(frozen=True)
class RunOptions:
    """How a pipeline is run.

    Parameters
    ----------
    parameters
        A value for every parameter, converted.
    cache
        Take earlier results of steps whose code and inputs are the same.
    isolated
        Give every step a folder of its own, as a cluster does; else steps run in ``folder``.
    only, start
        Run this step only, or this one and all after it; the others' values come from the newest runs of the notebook's pipeline.
    any_parameters
        Take them too where they were made with other parameters.
    max_parallel
        Steps at one time. 0: as many as the machine bears (four times its cores, at least 8).
    spawn
        Start every step in a fresh interpreter instead of forking a warm one.
    python
        The interpreter of steps that run here, 3.9 or newer, with its own packages; it needs no kfnb. Default: this one.
    environment
        Variables for steps that run here, beside those of this process, which ``${NAME}`` in them names.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    experiment: str | None = None
    cache: bool = False
    isolated: bool = False
    only: str | None = None
    start: str | None = None
    any_parameters: bool = False
    notebook: str | None = None
    folder: str = "."
    max_parallel: int = 0
    spawn: bool = False
    python: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class UnknownOptions(DamagedRecord, TypeError):
    """The options of a run are damaged, or another version of kfnb wrote them."""


def options_kept(folder: Path) -> RunOptions:
    """The options in a run's folder. Raises `DamagedRecord`, and `UnknownRun` when they are gone."""
    path = folder / OPTIONS
    try:
        return RunOptions(**read_object(path))
    except FileNotFoundError:
        raise UnknownRun(f"what run {folder.name} kept is gone: there is no {path}; run the notebook again") from None
    except TypeError as error:
        raise UnknownOptions(path, f"it holds no options of a run that this version of kfnb knows ({error})") from None


class Following(Protocol):
    """Somebody who brings the record of a run up to date."""

    def look(self) -> None:
        """Raise what went wrong, if something did."""


class Engine(Protocol):
    """Where pipelines run."""

    name: str
    store: RunStore

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """What this engine cannot do of what the pipeline asks."""

    def compile(self, pipeline: Pipeline, folder: str = ".") -> str:
        """The pipeline in the engine's own form; ``folder``: where its notebook stands."""

    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Begin a run and give its id."""

    def events(self, run_id: str, since: int = 0) -> Iterator[Event]:
        """Events from number ``since`` on, waiting for new ones, until the run has ended."""

    def logs(self, run_id: str, path: str, attempt: int | None = None, follow: bool = False) -> Iterator[LogLine]:
        """Log lines of a step; ``follow``: until its attempt has ended."""

    def cancel(self, run_id: str) -> bool:
        """Ask the run to end; a second time, at once. False when it has ended already."""

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """Take a run that has ended up again: what succeeded with the same code and inputs is not run again."""

    def following(self, run_id: str) -> AbstractContextManager[Following]:
        """While it lasts, the record of the run is brought up to date."""

    def refresh(self, run_id: str) -> None:
        """Bring the record of a run up to date."""
