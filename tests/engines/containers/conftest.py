"""The base image in podman, and a home whose runs are in containers."""

from __future__ import annotations

import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.images.base_image import BaseImage, base_image, podman, run
from tests.running import Here

__all__ = ["base_image", "podman"]


class InContainers(Here):
    """Runs every step in a container of the base image."""

    def start(self, *cells: dict[str, Any], given: dict[str, str] | None = None, **options: Any) -> str:
        return super().start(*cells, given=given, **{"containers": "podman", "image": BaseImage.name, **options})

    def containers(self) -> list[str]:
        """The containers that runs of this home have left."""
        runs = set(self.store.ids())
        listed = subprocess.run(
            ["podman", "ps", "--all", "--format", '{{index .Labels "kfnb.run"}}'], capture_output=True, text=True
        )
        return [r for r in listed.stdout.split() if r in runs]


@pytest.fixture
def there(podman: BaseImage, tmp_path: Path) -> Iterator[InContainers]:
    """A home for runs in containers. None of them may leave a container."""
    home = InContainers(tmp_path)
    yield home
    assert home.containers() == []


@pytest.fixture(scope="session")
def image_without_python(podman: BaseImage) -> str:
    """An image in which nothing can be run."""
    name = "localhost/kfnb-test-empty:latest"
    if subprocess.run(["podman", "image", "exists", name]).returncode:
        archive = podman.layout.parent / "empty.tar"
        with tarfile.open(archive, "w") as file:
            file.addfile(tarfile.TarInfo("nothing"))
        run("podman", "import", "--quiet", str(archive), name)
    return name
