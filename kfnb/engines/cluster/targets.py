"""Targets: named places to run, in ``kfnb.toml`` beside the notebook or above it, or in the user's configuration folder.

::

    [targets.prod]
    engine = "argo"            # or "kfp"
    namespace = "team-a"
    values = "s3"

Secrets do not stand there: they are in the kubeconfig, in token files and in the environment.
"""

from __future__ import annotations

import difflib
import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.options import ClusterOptions
from kfnb.problems import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME = "kfnb.toml"
#: Settings of a target that are not of its pods.
CONNECTION = (
    "engine", "host", "kubeconfig", "context", "token_file", "token_env", "cookies_env", "ca_file", "verify", "server", "server_namespace", "experiment", "pipeline_root",
)  # fmt: skip
VALUES = ("parameters", "s3", "gcs", "azure", "oss")


class BadTarget(UserError, Exception):
    """A target is not there or cannot be read; the text says which file and what to write."""


@dataclass(frozen=True)
class Target:
    """A named engine configuration. ``settings`` are as in the file ``path``."""

    name: str
    engine: str
    settings: dict[str, Any]
    path: Path | None = None


def config_files(notebook: Path | None) -> list[Path]:
    """The files that may have targets, the nearest first: an earlier one wins."""
    start = (notebook.absolute().parent if notebook is not None else Path.cwd()).resolve()
    found = [folder / NAME for folder in (start, *start.parents)]
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return [p for p in (*found, Path(home) / "kfnb" / NAME) if p.is_file()]


def targets(notebook: Path | None) -> dict[str, Target]:
    """All targets that can be seen from a notebook; ``local`` is always there.

    Raises
    ------
    BadTarget
        When a file cannot be read.
    """
    found = {"local": Target("local", "local", {})}
    for path in reversed(config_files(notebook)):
        for name, settings in _read(path).items():
            found[name] = _target(name, settings, path)
    return found


def target_named(name: str, notebook: Path | None) -> Target:
    """The target of that name. Raises `BadTarget`."""
    known = targets(notebook)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean `{near[0]}`?" if near else f"the targets are {', '.join(known)}"
    raise BadTarget(
        f"there is no target `{name}`; {hint} (they stand in {NAME} beside the notebook, as [targets.{name}])"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadTarget(f"{path} is not TOML: {error}") from None
    found = data.get("targets", {})
    if not isinstance(found, dict) or not all(isinstance(t, dict) for t in found.values()):
        raise BadTarget(f"{path}: `targets` should be tables, such as [targets.prod]")
    return found


def _target(name: str, settings: dict[str, Any], path: Path) -> Target:
    engine = settings.get("engine")
    if engine not in ("local", "kfp", "argo"):
        raise BadTarget(f'{path}: target `{name}` needs engine = "kfp" or engine = "argo", not {engine!r}')
    known = {f.name for f in fields(ClusterOptions)} | set(CONNECTION)
    for key in settings:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"; did you mean `{near[0]}`?" if near else ""
            raise BadTarget(f"{path}: target `{name}` has no setting `{key}`{hint}")
    values = settings.get("values", "parameters")
    if values not in VALUES and not str(values).startswith("volume:"):
        raise BadTarget(
            f"{path}: target `{name}`: values is one of {', '.join(VALUES)} or volume:CLAIM, not {values!r}"
        )
    return Target(name, engine, settings, path)


def options_of(target: Target | None) -> ClusterOptions:
    """The settings of a target's pods."""
    if target is None:
        return ClusterOptions()
    known = {f.name for f in fields(ClusterOptions)}
    given: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in target.settings.items() if k in known
    }
    return ClusterOptions(**given)
