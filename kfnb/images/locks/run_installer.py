"""Runs an installer that resolves requirements, in a folder of its own with the files that it reads."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kfnb.images.locks.lock_model import Unresolvable

REQUIREMENTS = "requirements.in"
CONSTRAINTS = "constraints.txt"


@contextmanager
def input_files(requirements: Sequence[str], constraints: Sequence[str], folder: Path) -> Iterator[Path]:
    """A folder with `REQUIREMENTS` and `CONSTRAINTS`, which exists meanwhile.

    It is not the notebook's, where a configuration of the installer could name other indexes than the user's does.

    Parameters
    ----------
    folder
        The notebook's folder, in which archives are.
    """
    with TemporaryDirectory(prefix="kfnb-lock-") as name:
        inside = Path(name)
        lines = [str(folder / r) if r.startswith("./") else r for r in requirements]
        (inside / REQUIREMENTS).write_text("\n".join(lines), "utf-8")
        (inside / CONSTRAINTS).write_text("\n".join(constraints), "utf-8")
        yield inside


def run_installer(name: str, command: Sequence[str], folder: Path, variables: Mapping[str, str]) -> str:
    """What an installer prints. Raises `Unresolvable` with what it says when it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **variables})
    if done.returncode:
        raise Unresolvable(done.stderr.strip() or f"{name} says no reason")
    return done.stdout
