"""The folder in which pages and examples run, and the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.base_image import base_image, podman
from tests.kernel.conftest import live

__all__ = ["base_image", "folder", "live", "podman"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that a page runs in, with a record of runs and a configuration of its own."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(str(work))
    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return work
