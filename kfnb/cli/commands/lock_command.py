"""The command ``lock``, which keeps the versions and hashes of all packages that a notebook's steps need."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kfnb.cli import completion_words
from kfnb.cli.command_helpers import (
    FAILED,
    OK,
    as_json,
    cluster_errors,
    emit,
    kernel_python,
    notebook_argument,
    pipeline_option,
    refuse,
    request_errors,
    required,
)

if TYPE_CHECKING:
    from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
    from kfnb.images.locks.lock_model import Lock
    from kfnb.images.locks.lock_pipeline import LockOptions
    from kfnb.notebook.notebook_source import Source
    from kfnb.pipeline.model import Pipeline


@click.command()
@notebook_argument
@click.option(
    "--target", metavar="TARGET", help="Take its image and package index.", shell_complete=completion_words.target_names
)
@click.option("--python", metavar="PATH", help="The interpreter with the notebook's packages, instead of its kernel's.")
@click.option(
    "--platform", "platforms", metavar="LIST", help="Where steps run: linux/amd64, linux/arm64, or both with a comma."
)
@click.option("--upgrade", is_flag=True, help="Take the versions of the notebook's environment again.")
@click.option("--upgrade-package", "packages", metavar="NAME", multiple=True, help="The same for one package.")
@click.option("--check", is_flag=True, help="Write nothing. Exit status 1 when the lock does not fit the notebook.")
@pipeline_option
@as_json
def lock(
    notebook: Source, target: str | None, python: str | None, platforms: str | None, upgrade: bool, packages: tuple[str, ...],
    check: bool, pipeline: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Write the versions and hashes of all packages that the steps of NOTEBOOK need into a file beside it.

    Later runs on a cluster install these files and no others.
    """
    from kfnb.engines.cluster.submission.fill_for_target import fit_to_target
    from kfnb.images.locks.lock_file import BadLock, lock_beside
    from kfnb.pipeline.build.build_from_source import build_source

    built = build_source(notebook, pipeline)
    graph = required(built, notebook, as_json)
    interpreter = python or kernel_python(notebook)
    settings = _settings(notebook, target, interpreter, as_json)
    options = _options(settings, interpreter, platforms, as_json)
    if settings is not None:  # whose defaults may name packages too
        graph = fit_to_target(graph, settings, {p.name: p.default for p in graph.parameters})
    try:
        path, earlier = lock_beside(graph, notebook.folder)
    except BadLock as error:
        refuse(f"{error}. Remove it, and lock again", as_json)
    if check:
        sys.exit(_check(notebook, graph, options, earlier, path, as_json))
    _lock(notebook, graph, options, (path, earlier), upgrade, packages, as_json)


def _settings(notebook: Source, target: str | None, interpreter: str | None, as_json: bool) -> ClusterOptions | None:
    """The settings of the target, when one is named. An unusable target ends the command."""
    from kfnb.engines.cluster.targets.targets import options_of, usable_target
    from kfnb.images.needs.installed_packages import installed_packages

    if target is None:
        return None
    with cluster_errors(as_json), request_errors(notebook, as_json):
        return options_of(usable_target(target, notebook.path), installed_packages(interpreter).python)


def _options(
    settings: ClusterOptions | None, interpreter: str | None, platforms: str | None, as_json: bool
) -> LockOptions:
    """What the target and the command line say. An unknown platform ends the command."""
    from kfnb.images.locks.lock_pipeline import LockOptions
    from kfnb.images.locks.resolve_sets import known_platform

    chosen = tuple(p.strip() for p in platforms.split(",")) if platforms else ()
    unknown = [p for p in chosen if not known_platform(p)]
    if unknown:
        refuse(f"there is no platform `{unknown[0]}`: it is linux/amd64 or linux/arm64", as_json)
    if settings is None:
        return LockOptions(interpreter=interpreter, platforms=chosen)
    return LockOptions(settings.image, settings.packages, settings.sources, interpreter, chosen)


def _check(
    notebook: Source, graph: Pipeline, options: LockOptions, lock: Lock | None, path: Path, as_json: bool
) -> int:
    """Say whether a lock fits a notebook, and return the exit status."""
    from kfnb.images.locks.lock_pipeline import misfits_now

    reasons = misfits_now(lock, graph, notebook.folder, options) if lock is not None else {}
    fits = lock is not None and not reasons
    if as_json:
        emit({"file": str(path), "fits": fits, "steps": reasons})
    elif lock is None:
        click.echo(f"{notebook}: there is no {path.name}", err=True)
    elif reasons:
        for step, reason in reasons.items():
            click.echo(f"{notebook}: step `{step}` does not fit {path.name}: {reason}", err=True)
    else:
        click.echo(f"{path.name}: fits {notebook}")
    return OK if fits else FAILED


def _lock(
    notebook: Source, graph: Pipeline, options: LockOptions, found: tuple[Path, Lock | None], upgrade: bool,
    packages: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Resolve, write the file, and say what is new in it."""
    from kfnb.images.locks.lock_file import lock_path, write_lock
    from kfnb.images.locks.lock_model import Unresolvable
    from kfnb.images.locks.lock_pipeline import EVERYTHING, lock_pipeline
    from kfnb.requirement_checks import requirement_name

    (before, earlier), path = found, lock_path(graph, notebook.folder)
    upgraded = {EVERYTHING} if upgrade else {requirement_name(p) for p in packages}
    try:
        locked = lock_pipeline(graph, notebook.folder, options, earlier, upgraded)
    except Unresolvable as error:
        if as_json:
            emit({"error": str(error)})
        else:
            click.echo(f"kfnb: the packages of {notebook} cannot be resolved:\n{error}", err=True)
        sys.exit(FAILED)
    write_lock(locked.lock, path)
    changes = _changes(earlier, locked.lock)
    replaced = (f"its lock is {path.name} from now on, and not {before.name} any more",) if before != path else ()
    notes = (*locked.notes, *replaced)
    if as_json:
        emit(_summary(path, locked.lock, notes, changes))
        return
    for note in notes:
        click.echo(f"{notebook}: {note}", err=True)
    for change in changes:
        click.echo(f"  {change}")
    for one in locked.lock.sets:
        count = len(one.packages)
        click.echo(f"  {', '.join(one.steps)}: {count} package{'s' * (count != 1)} for Python {one.python}")
    click.echo(f"{path.name}: written")


def _changes(earlier: Lock | None, lock: Lock) -> list[str]:
    """The packages that are new, gone, or of another version, one line each. A first lock has no changes."""
    if earlier is None:
        return []
    before, after = _versions(earlier), _versions(lock)
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, ""), after.get(name, "")
        if old != new:
            lines.append(f"{name}: {old or 'new'} → {new or 'gone'}" if old else f"{name}: new, {new}")
    return lines


def _versions(lock: Lock) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for package in (p for s in lock.sets for p in s.packages):
        found.setdefault(package.name, set()).add(package.version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def _summary(path: Path, lock: Lock, notes: tuple[str, ...], changes: list[str]) -> dict[str, Any]:
    sets = [
        {
            "id": s.id, "steps": list(s.steps), "python": s.python, "base_image": s.base_image, "platforms": list(s.platforms),
            "packages": {p.name: p.version for p in s.packages},
        }
        for s in lock.sets
    ]  # fmt: skip
    return {"file": str(path), "pipeline": lock.pipeline, "sets": sets, "changes": changes, "notes": list(notes)}
