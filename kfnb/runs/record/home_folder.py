"""Finds the folder that holds the record of runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def home_folder() -> Path:
    """``KFNB_HOME``, else ``kfnb`` in Jupyter's data folder (as `jupyter_core.paths.jupyter_data_dir` finds it)."""
    own = os.environ.get("KFNB_HOME")
    if own:
        return Path(own).expanduser().absolute()
    jupyter = os.environ.get("JUPYTER_DATA_DIR")
    if jupyter:
        return Path(jupyter).expanduser().absolute() / "kfnb"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Jupyter" / "kfnb"
    if os.name == "nt":
        return Path(os.environ.get("APPDATA") or Path.home()) / "jupyter" / "kfnb"
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "jupyter" / "kfnb"
