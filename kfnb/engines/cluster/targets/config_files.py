"""The configuration files that define targets: each ``kfnb.toml`` in the user's own folders, and beside a notebook or above it.

A file beside a notebook may come from the same stranger as the notebook. It counts as the user's own only when it is also in one of the
user's own folders.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.connection import read_configuration, visible
from kfnb.toml_text import read_toml

NAME = "kfnb.toml"


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file that was read once, so that the bytes that are parsed, hashed and trusted are the same.

    Parameters
    ----------
    own
        Whether the file is the user's or the administrator's. Otherwise it is beside a notebook or above it.
    """

    path: Path
    content: bytes
    own: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def folder(self) -> Path:
        """The folder that relative paths in the file start from."""
        return self.path.parent

    def tables(self) -> dict[str, dict[str, Any]]:
        """The settings of its targets, by the targets' names. Raises `BadTarget`."""
        try:
            data = read_toml(self.content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            raise BadTarget(f"{self.path} is not valid TOML: {visible(str(error))}") from None
        tables = data.get("targets", {})
        if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
            raise BadTarget(f"{self.path}: `targets` should be tables, such as [targets.prod]")
        return tables


def own_paths() -> list[Path]:
    """The paths of the user's own files: the user's configuration folder, then Jupyter's. An earlier path wins over a later one."""
    from jupyter_core.paths import jupyter_config_path

    home = os.environ.get("XDG_CONFIG_HOME", "")
    folders = [Path(home if os.path.isabs(home) else Path.home() / ".config") / "kfnb"]
    return [f / NAME for f in (*folders, *(Path(p) for p in jupyter_config_path() if os.path.isabs(p)))]


def config_files(notebook: Path | None) -> list[ConfigFile]:
    """The files that may define targets, the nearest first. An earlier file wins over a later one.

    Raises `BadTarget` when a file cannot be read.
    """
    start = (notebook.absolute().parent if notebook is not None else Path.cwd()).resolve()
    own = [p for p in own_paths() if p.is_file()]
    own_resolved = {p.resolve() for p in own}
    paths = [f / NAME for f in (start, *start.parents)]
    beside = [p for p in paths if p.is_file() and p.resolve() not in own_resolved]
    return [*(_read(p, False) for p in beside), *(_read(p, True) for p in own)]


def config_file(path: Path) -> ConfigFile:
    """One file that is beside notebooks. Raises `BadTarget` when it cannot be read."""
    return _read(path.parent.resolve() / path.name, False)


def _read(path: Path, own: bool) -> ConfigFile:
    try:
        return ConfigFile(path, read_configuration(path), own)
    except OSError as error:
        raise BadTarget(f"{path} cannot be read: {error.strerror}") from None
