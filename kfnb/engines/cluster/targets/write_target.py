"""Writes a target into the user's own configuration, and into no other."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.config_files import ConfigFile, own_paths
from kfnb.engines.cluster.targets.target_settings import settings_error


class TargetExists(BadTarget):
    """The user has a target of that name already.

    Parameters
    ----------
    replaceable
        Whether it stands in the user's own file, and not in one that an administrator manages.
    """

    def __init__(self, message: str, replaceable: bool) -> None:
        super().__init__(message)
        self.replaceable = replaceable


def check_new_target(name: str) -> Path:
    """The user's configuration file, to which a target of that name can be added.

    Raises
    ------
    TargetExists
        When there is such a target.
    BadTarget
        When the files of targets cannot be read.
    """
    own, *others = own_paths()
    if name == "local":
        raise TargetExists("the target `local` is always this machine: name another", False)
    if name in _tables(own, _content(own)):
        raise TargetExists(f"there is a target `{name}` already in {own}: name another, or change it there", True)
    for path in others:
        if path.is_file() and name in _tables(path, _content(path)):
            raise TargetExists(f"there is a target `{name}` already in {path}: name another", False)
    return own


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise BadTarget(f"{path} cannot be read: {error.strerror}") from None


def _tables(path: Path, content: bytes) -> dict[str, dict[str, Any]]:
    return ConfigFile(path, content, True).tables()


def target_text(name: str, settings: dict[str, Any]) -> str:
    """A target as the configuration file has it. Raises `BadTarget` when a setting is wrong."""
    error = settings_error(name, settings)
    if error:
        raise BadTarget(error)
    key = name if name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)
    lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in settings.items()]
    return "\n".join([f"[targets.{key}]", *lines]) + "\n"


def add_target(name: str, settings: dict[str, Any]) -> Path:
    """Add a target and return the path of the file. What it holds so far stays as it is. Raises `BadTarget`."""
    path, text = check_new_target(name), target_text(name, settings)
    earlier = _content(path).decode("utf-8")
    gap = "" if not earlier else "\n" if earlier.endswith("\n") else "\n\n"
    _write(path, f"{earlier}{gap}{text}", text)
    return path


def replace_target(name: str, settings: dict[str, Any]) -> Path:
    """Replace a target in the user's own file and return the file's path. What else it holds stays as it is.

    Raises
    ------
    BadTarget
        When the file has no such target, or has it in a form that cannot be replaced without touching anything else.
    """
    path, text = own_paths()[0], target_text(name, settings)
    content = _content(path)
    changed = _with_section(content.decode("utf-8"), name, text)
    try:
        fits = _tables(path, changed.encode()) == {**_tables(path, content), name: settings}
    except BadTarget:
        fits = False
    if not fits:
        raise BadTarget(f"the target `{name}` in {path} cannot be replaced: change it there. It would be:\n{text}")
    _write(path, changed, text)
    return path


def _with_section(content: str, name: str, text: str) -> str:
    """The content of a file with another text for a target. Comments and blank lines at the end of its section belong to what follows."""
    quoted = rf"(?:{re.escape(name)}|\"{re.escape(name)}\"|'{re.escape(name)}')"
    head = rf"^[ \t]*\[[ \t]*targets[ \t]*\.[ \t]*{quoted}[ \t]*\][^\n]*(?:\n|\Z)"
    found = re.search(head + r"(?:[ \t]*(?![ \t\[])[^\n]*(?:\n|\Z))*", content, re.MULTILINE)
    if found is None:
        return content
    end = re.search(r"(?:^[ \t]*(?:#[^\n]*)?(?:\n|\Z))*\Z", found[0], re.MULTILINE)
    return content[: found.start()] + text + (end[0] if end else "") + content[found.end() :]


def _write(path: Path, content: str, target: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(content, "utf-8")
        os.replace(temporary, path.resolve())
    except OSError as error:
        raise BadTarget(f"{path} cannot be written: {error.strerror}. The target would be:\n{target}") from None
