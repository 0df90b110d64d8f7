"""The interface of all engines, and the options of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kfnb.pipeline.model import Pipeline
from kfnb.problems import Problem
from kfnb.runs.attempt_logs import LogLine
from kfnb.runs.record.lookup_by_name import UnknownRun
from kfnb.runs.record.private_record_files import DamagedRecord, read_object
from kfnb.runs.record.run_store import Event, RunStore

OPTIONS = "options.json"  #: in the run's folder: its `RunOptions`


@dataclass(frozen=True)
class RunOptions:
    """How a pipeline is run.

    Parameters
    ----------
    parameters
        The value of every parameter, converted to its type.
    name
        What the user calls the run. Runs may have the same name.
    priority
        On Argo Workflows, of the runs that wait for their turn the one with the highest number begins first. ``None``: as the target says.
    cache
        Whether steps reuse earlier results of the same code and inputs.
    isolated
        Whether every step runs in a folder of its own, as on a cluster. Otherwise steps run in ``folder``.
    only, start
        Run only this step, or this step and all steps after it. The values of the others come from the newest runs.
    any_parameters
        Whether such values count even when their run had other parameters.
    notebook, notebook_id
        The file of the notebook, and what identifies it wherever it lies (`kfnb.runs.record.notebook_identity`).
    max_parallel
        How many steps may run at one time. With 0 it is four times the number of cores, and at least 8.
    spawn
        Whether every step starts in a fresh interpreter, instead of a fork of a warm one.
    python
        The interpreter of steps that run on this machine, 3.9 or newer. It has its own packages and needs no kfnb. For a
        cluster it may be a folder with the packages of a kernel elsewhere (`kfnb.images.needs.told_packages`).
        Default: the current one.
    environment
        Additional environment variables for steps that run on this machine. ``${NAME}`` in a value is replaced by a
        variable of this process.
    fuse
        Whether chains of light steps run in one pod, on a cluster.
    containers
        ``podman``, ``docker``, or ``auto`` for the one that is there, when every step runs in a container on this machine.
    image
        The image of steps in containers that name none. Default: the slim Python image of this Python's version.
    """

    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    priority: int | None = None
    experiment: str | None = None
    cache: bool = False
    isolated: bool = False
    only: str | None = None
    start: str | None = None
    any_parameters: bool = False
    notebook: str | None = None
    notebook_id: str | None = None
    folder: str = "."
    max_parallel: int = 0
    spawn: bool = False
    python: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    fuse: bool = False
    containers: str | None = None
    image: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class UnknownOptions(DamagedRecord, TypeError):
    """The options of a run are damaged, or another version of kfnb wrote them."""


def recorded_options(folder: Path) -> RunOptions:
    """The options in a run's folder. Raises `DamagedRecord`, or `UnknownRun` when they are gone."""
    path = folder / OPTIONS
    try:
        return RunOptions(**read_object(path))
    except FileNotFoundError:
        raise UnknownRun(f"what run {folder.name} kept is gone: there is no {path}; run the notebook again") from None
    except TypeError as error:
        raise UnknownOptions(path, f"it holds no options of a run that this version of kfnb knows ({error})") from None


def options_set(folder: Path, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named options in a run's folder that are set; none where there are no options. Raises `DamagedRecord`."""
    try:
        options = read_object(folder / OPTIONS)
    except FileNotFoundError:
        return {}
    return {name: options[name] for name in names if options.get(name)}


class Following(Protocol):
    """Keeps the record of a run up to date."""

    def look(self) -> None:
        """Raise the error that occurred while following the run, if there was one."""


class Engine(Protocol):
    """Runs pipelines somewhere: on this machine or on a cluster."""

    name: str
    store: RunStore

    def check(self, pipeline: Pipeline, options: RunOptions) -> list[Problem]:
        """Find what the pipeline needs and this engine cannot do."""

    def compile(self, pipeline: Pipeline, folder: str = ".", python: str | None = None) -> str:
        """The pipeline in the engine's own form. ``folder`` is the folder of its notebook, ``python`` the interpreter of its environment."""

    def submit(self, pipeline: Pipeline, options: RunOptions) -> str:
        """Start a run and return its id."""

    def events(self, run_id: str, since: int = 0) -> Iterator[Event]:
        """The events after number ``since``, as they happen, until the run has ended."""

    def logs(
        self, run_id: str, path: str, attempt: int | None = None, follow: bool = False, verbose: bool = False
    ) -> Iterator[LogLine]:
        """The log lines of a step. With ``follow`` new lines are added until its attempt has ended.

        ``verbose`` adds the lines of the cluster's own tools.
        """

    def cancel(self, run_id: str) -> bool:
        """Ask the run to end, or with a second request to end at once. ``False`` when it has ended already."""

    def retry(self, run_id: str, start: str | None = None, pipeline: Pipeline | None = None) -> str:
        """Continue a run that has ended. Steps that succeeded with the same code and inputs do not run again."""

    def following(self, run_id: str) -> AbstractContextManager[Following]:
        """A context in which the record of the run is kept up to date."""

    def refresh(self, run_id: str) -> None:
        """Bring the record of a run up to date once."""
