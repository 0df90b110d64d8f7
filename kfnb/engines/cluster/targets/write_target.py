"""Adds a target to the user's own configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from kfnb.engines.cluster.clients.cluster_errors import BadTarget
from kfnb.engines.cluster.targets.config_files import ConfigFile, own_paths
from kfnb.engines.cluster.targets.target_settings import settings_error


def check_new_target(name: str) -> Path:
    """The user's configuration file, to which a target of that name can be added.

    Raises
    ------
    BadTarget
        When it has such a target, or cannot be read.
    """
    path = own_paths()[0]
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise BadTarget(f"{path} cannot be read: {error.strerror}") from None
    if name == "local" or name in ConfigFile(path, content, True).tables():
        raise BadTarget(f"there is a target `{name}` already in {path}: name another, or change it there")
    return path


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        earlier = path.read_text("utf-8") if path.exists() else ""
        gap = "" if not earlier else "\n" if earlier.endswith("\n") else "\n\n"
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(f"{earlier}{gap}{text}", "utf-8")
        os.replace(temporary, path.resolve())
    except OSError as error:
        raise BadTarget(f"{path} cannot be written: {error.strerror}. The target would be:\n{text}") from None
    return path
