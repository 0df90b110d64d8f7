"""Targets: named places to run, which ``kfnb.toml`` defines.

The file is in the user's configuration folder, or in the folder of the notebook or a folder above it. An example::

    [targets.prod]
    engine = "argo"            # or "kfp"
    namespace = "team-a"
    values = "s3"

The file holds no secrets: they are in the kubeconfig, in token files and in environment variables. A file beside a notebook decides
which server kfnb talks to only after the user has trusted it (`kfnb.engines.cluster.trust.trusted_files`). Before that, only its
settings for the pods of steps count.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.targets.config_files import NAME, ConfigFile, config_files
from kfnb.engines.cluster.targets.connection import Connection, connection_of, visible
from kfnb.engines.cluster.targets.target_settings import (
    CAPS,
    OPTIONS,
    cap_text,
    concerns_steps_only,
    settings_error,
    with_absolute_paths,
)
from kfnb.engines.cluster.trust.requested_access import RequestedAccess, access_of_target
from kfnb.engines.cluster.trust.trusted_files import TrustStore
from kfnb.engines.engine_interface import RunOptions
from kfnb.problems import NotebookError, Problem
from kfnb.setting_marks.setting_table import read_defaults
from kfnb.wording import did_you_mean


class UntrustedTarget(NotebookError):
    """The user has not trusted the file that defines a target. The problem (KF709) names the file and the access that it requests."""


@dataclass(frozen=True)
class Target:
    """A named engine configuration.

    Parameters
    ----------
    settings
        The settings in the file ``path``, with absolute paths.
    pins
        The SHA-256 of the files beside a trusted file, by their paths.
    asks
        The access that the user must trust before kfnb contacts a server.
    withheld
        The access that an untrusted file requests, and that the user's own target does without.
    error
        Why the target cannot be used. It is empty when the target can be used.
    """

    name: str
    engine: str
    settings: dict[str, Any]
    path: Path | None = None
    pins: dict[str, str] = field(default_factory=dict)
    asks: tuple[RequestedAccess, ...] = ()
    withheld: tuple[RequestedAccess, ...] = ()
    error: str = ""

    @property
    def connection(self) -> Connection:
        """The server that it talks to, and the user that it talks as. Raises `UntrustedTarget` before the user has trusted it."""
        if self.asks:
            raise UntrustedTarget([_untrusted_problem(self)])
        return connection_of(self.settings, self.pins)


LOCAL = Target("local", "local", {})


def targets(notebook: Path | None) -> dict[str, Target]:
    """All targets of a notebook, by their names. The target ``local`` always exists, and is always this machine.

    Raises
    ------
    BadTarget
        When a configuration file cannot be read.
    """
    named = {"local": LOCAL}
    store = TrustStore()
    for file in reversed(config_files(notebook)):
        tables = {n: t for n, t in file.tables().items() if n != "local"}
        if not tables:
            continue
        trusted = None if file.own else store.of(file)
        for name, settings in tables.items():
            if file.own or trusted is not None:
                named[name] = _trusted_target(name, settings, file, trusted.files if trusted is not None else {})
            else:
                named[name] = _untrusted_target(name, settings, file, named.get(name))
    return named


def target_named(name: str, notebook: Path | None) -> Target:
    """The target of that name, which the user may not have trusted yet. Raises `BadTarget`."""
    if name == "local":
        return LOCAL
    named = targets(notebook)
    if name in named:
        if named[name].error:
            raise BadTarget(named[name].error)
        return named[name]
    hint = did_you_mean(name, named, f"the targets are {', '.join(map(visible, named))}")
    raise BadTarget(
        f"there is no target `{visible(name)}`; {hint} (define it in {NAME} beside the notebook, as [targets.{visible(name)}])"
    )


def usable_target(name: str, notebook: Path | None) -> Target:
    """The target of that name, to run something there.

    Raises
    ------
    BadTarget
        When there is no such target, or it cannot be used.
    UntrustedTarget
        When the user has not trusted its file. No server has been contacted then.
    """
    target = target_named(name, notebook)
    if target.asks:
        raise UntrustedTarget([_untrusted_problem(target)])
    return target


def misplaced_options(target: Target, options: RunOptions) -> list[Problem]:
    """The problems that a run asks for something that its target's engine does not have: containers of this machine, or a priority."""
    found = []
    if options.containers is not None and target.engine != "local":
        hint = "leave out `--containers`: there, every step has a pod of its own anyway"
        found.append(Problem("KF740", f"`{target.name}` is no target on this machine", hint))
    if options.priority is not None and target.engine != "argo":
        place = "Kubeflow Pipelines" if target.engine == "kfp" else "this machine"
        hint = "leave out `--priority`, or run it on Argo Workflows"
        found.append(Problem("KF704", f"runs have no priority on {place}: each begins at once", hint))
    return found


def withheld_problems(target: Target) -> list[Problem]:
    """The problem that some settings of a target do not count, because the user has not trusted its file."""
    if not target.withheld:
        return []
    names = ", ".join(dict.fromkeys(a.setting for a in target.withheld))
    return [
        Problem(
            "KF710", f"{target.path} also sets {names} for target `{visible(target.name)}`, which do not count: your own configuration does",
            f"look at it and trust it with `kfnb trust {target.path}`", name=target.name,
        )
    ]  # fmt: skip


def options_of(target: Target | None, python: str = "") -> ClusterOptions:
    """The settings of a target that concern its pods. Without a target they are the defaults.

    Parameters
    ----------
    python
        The version of the notebook's Python, when it may differ from this one. An image that no setting names has it.
    """
    if python and (target is None or "image" not in target.settings):
        return replace(options_of(target), image=f"python:{python}-slim")
    if target is None:
        return ClusterOptions()
    values: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in target.settings.items() if k in OPTIONS
    }
    values.update({k: cap_text(values[k]) for k in CAPS & values.keys()})
    if "defaults" in values:
        values["defaults"] = read_defaults(values["defaults"])
    return ClusterOptions(**values)


# -------------------------------------------------------------------- one file
def _trusted_target(name: str, settings: dict[str, Any], file: ConfigFile, pins: dict[str, str]) -> Target:
    """A target from the user's own file, or from a file that the user has trusted."""
    error = settings_error(name, settings)
    engine = str(settings.get("engine"))
    return Target(
        name, engine, with_absolute_paths(settings, file.folder), file.path, pins, error=_in_file(file, error)
    )


def _untrusted_target(name: str, settings: dict[str, Any], file: ConfigFile, own_target: Target | None) -> Target:
    """A target from a file that the user has not trusted.

    When the user has a target of this name, the file may change its settings for the pods of steps. Otherwise the target can be shown, but
    not used.
    """
    asks = tuple(access_of_target(name, settings, file.folder))
    if own_target is None or own_target.asks:
        engine = str(settings.get("engine"))
        error = settings_error(name, settings)
        return Target(
            name, engine, with_absolute_paths(settings, file.folder), file.path, asks=asks, error=_in_file(file, error)
        )
    same = {k for k, v in with_absolute_paths(settings, file.folder).items() if own_target.settings.get(k) == v}
    asks = tuple(a for a in asks if a.setting not in same)
    step_settings = {k: v for k, v in settings.items() if concerns_steps_only(k, v)}
    merged = {**own_target.settings, **step_settings}
    error = own_target.error or _in_file(file, settings_error(name, merged))
    return replace(own_target, settings=merged, path=file.path, withheld=(*own_target.withheld, *asks), error=error)


def _in_file(file: ConfigFile, error: str) -> str:
    return f"{file.path}: {visible(error)}" if error else ""


def _untrusted_problem(target: Target) -> Problem:
    requests = "; ".join(f"it {a.text}" for a in target.asks)
    return Problem(
        "KF709", f"target `{visible(target.name)}` is defined in {target.path}, which you have not trusted: {requests}",
        f"if that is what you want, trust the file with `kfnb trust {target.path}`, or put the target into your own configuration",
        name=target.name,
    )  # fmt: skip
