"""All places that keep schedules: this machine, and the targets of a notebook or a folder."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kfnb.engines.cluster.clients.cluster_errors import BadTarget, ClusterError
from kfnb.engines.cluster.targets.targets import targets, usable_target
from kfnb.engines.open_engine import engine_for
from kfnb.problems import NotebookError
from kfnb.runs.record.run_store import RunStore
from kfnb.schedule_keeper.local_schedules import LocalSchedules
from kfnb.schedules.schedule_model import BadSchedule, Firing, Place, Schedule, named
from kfnb.schedules.timetable import local_zone

if TYPE_CHECKING:
    from kfnb.client.start_run import Prepared
    from kfnb.images.build_watch import Watch


def user_name() -> str:
    """The user of this process; empty where the machine has no name for them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


@contextmanager
def place_of(target: str, notebook: Path | None) -> Iterator[Place]:
    """The schedules of a target, as far as it can keep some. Raises `BadTarget`, `ClusterError` and `UntrustedTarget`."""
    if target == "local":
        yield LocalSchedules()
        return
    chosen = usable_target(target, notebook)
    store = RunStore()
    try:
        yield cast(Any, engine_for(store, chosen)).schedules
    finally:
        store.close()


@dataclass(frozen=True)
class Listed:
    """A schedule in a list, with what became of its newest time."""

    schedule: Schedule
    last: Firing | None


def schedules_at(target: str, notebook: Path | None) -> list[Schedule]:
    """The schedules of one place. Raises as `place_of`."""
    with place_of(target, notebook) as place:
        return [replace(s, target=target) for s in place.schedules()]


def list_schedules(notebook: Path | None) -> tuple[list[Listed], dict[str, str]]:
    """The schedules of all places, which are asked side by side, and why a target gave none, by its name. Raises `BadTarget`."""
    names = list(targets(notebook))
    with ThreadPoolExecutor(max(1, len(names)), "kfnb-schedules") as pool:
        answers = list(pool.map(lambda name: _answer(name, notebook), names))
    found = [listed for answer in answers if isinstance(answer, list) for listed in answer]
    return found, {n: a for n, a in zip(names, answers, strict=True) if isinstance(a, str)}


def _answer(target: str, notebook: Path | None) -> list[Listed] | str:
    """The schedules of a place, or why there is no answer."""
    try:
        with place_of(target, notebook) as place:
            schedules = [replace(s, target=target) for s in place.schedules()]
            newest = place.newest() if schedules else {}
        return [Listed(s, newest.get(s.id)) for s in schedules]
    except (BadTarget, ClusterError, NotebookError) as error:
        return str(error)


def find_schedule(name: str, notebook: Path | None) -> Schedule:
    """The schedule of an id or a name, or of ``TARGET:NAME``. Only one that is not on this machine needs the targets.

    Raises `UnknownSchedule`, and as `place_of` when the name says which target.
    """
    here = schedules_at("local", notebook)
    if any(name in (s.id, s.name) for s in here):
        return named(here, name)
    target, colon, rest = name.partition(":")
    if colon:
        return named(schedules_at(target, notebook), rest)
    return named([one.schedule for one in list_schedules(notebook)[0]], name)


def new_schedule(
    prepared: Prepared, values: Mapping[str, Any], cron: str, name: str | None = None, zone: str | None = None, **rules: Any
) -> Schedule:  # fmt: skip
    """A schedule for a run that has passed all checks.

    Parameters
    ----------
    values
        The parameters, as they were given.
    name
        Default: the pipeline's.
    zone
        Default: this machine's time zone for runs here, the cluster's own for runs there.
    rules
        The fields ``pipeline``, ``catch_up`` and ``concurrency`` of `Schedule`.

    Raises
    ------
    BadTimetable
        When the expression or the zone cannot be read.
    BadSchedule
        When no file can be read at those times.
    """
    here, source = prepared.target.engine == "local", prepared.source
    if here and source.path is None:
        raise BadSchedule("this notebook has no file that could be read at those times: save it first")
    chosen = name or prepared.pipeline.name
    made = Schedule(
        id=chosen,
        name=chosen,
        notebook=str(source.path.absolute()) if here and source.path is not None else Path(str(source)).name,
        cron=cron,
        zone=zone or (local_zone() if here else ""),
        target=prepared.target.name,
        parameters=dict(values),
        experiment=prepared.options.experiment,
        owner=user_name(),
        created=time.time(),
        **rules,
    )
    made.timetable.words()
    return made


def add_schedule(prepared: Prepared, schedule: Schedule, watch: Watch) -> str:
    """Give a schedule to the place of a run that has passed all checks, and return its id there.

    Raises `BadSchedule`, and `ClusterError`.
    """
    if prepared.target.engine == "local":
        return LocalSchedules().add(schedule)
    store = RunStore()
    try:
        engine = cast(Any, engine_for(store, prepared.target, watch=watch))
        return str(engine.schedule(prepared.pipeline, prepared.options, schedule))
    finally:
        store.close()
