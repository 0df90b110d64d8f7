"""A base image for tests, made of Debian's packages: Python 3.11 and bash, and neither pip nor a compiler.

`mmdebstrap` makes it once. It is kept in ``build/base-image``, as an OCI layout and in a podman storage of the tests' own, so that the
images and containers of the user are left alone.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kfnb.runs.record.file_lock import holding

FOLDER = Path(__file__).parents[2] / "build" / "base-image"
SUITE = "bookworm"  #: the release of Debian with Python 3.11
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "python3,python-is-python3,bash"
NAME = "localhost/kfnb-test-base:latest"
#: Images of the notebooks that come with kfnb, which this one stands for.
OTHER_NAMES = (
    "docker.io/library/python:3.11",
    "docker.io/library/python:3.11-slim",
    "docker.io/library/bash:4.4.23",
    "docker.io/google/cloud-sdk:272.0.0",
)
#: What the image need not have: documentation, translations, and what only apt reads.
LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
EMPTIED = "rm -rf $1/var/lib/apt/lists/* $1/var/cache/apt/* $1/var/log/*"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
#: A machine without systemd, such as a container that runs the tests, has neither its cgroups nor its limits.
CONTAINERS_CONF = """[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""


@dataclass(frozen=True)
class BaseImage:
    """The base image.

    Parameters
    ----------
    layout
        The folder of the OCI layout, in which the image has the tag ``latest``.
    name
        The image's name in podman, once `podman` has given it.
    """

    layout: Path
    name: str = NAME


@pytest.fixture(scope="session")
def base_image() -> BaseImage:
    """The base image as an OCI layout."""
    layout = FOLDER / "layout"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with holding(FOLDER / "making", patience=600):
        if not (layout / "index.json").exists():
            _write_layout(_root_file_system(), layout)
    return BaseImage(layout)


@pytest.fixture(scope="session")
def podman(base_image: BaseImage) -> Iterator[BaseImage]:
    """The base image in podman, and in the environment what podman needs to run it: its commands and kfnb's find it there."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, path in _podman_settings().items():
            patch.setenv(variable, str(path))
        with holding(FOLDER / "loading", patience=600):
            if subprocess.run(["podman", "image", "exists", NAME]).returncode:
                run("skopeo", "copy", "--quiet", f"oci:{base_image.layout}:latest", f"containers-storage:{NAME}")
                for name in OTHER_NAMES:
                    run("podman", "tag", NAME, name)
        yield base_image


def run(*command: str) -> str:
    """Run a command and return what it prints. A command that fails is shown with its output."""
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.returncode == 0, f"{' '.join(command)}\n{process.stdout}"
    return process.stdout


def _podman_settings() -> dict[str, Path]:
    """The variables that lead podman, skopeo and buildah to a storage of the tests' own, and to settings that work on any machine."""
    storage = f'[storage]\ndriver = "overlay"\ngraphroot = "{FOLDER / "storage"}"\nrunroot = "{FOLDER / "running"}"\n'
    return {
        "CONTAINERS_STORAGE_CONF": _written(FOLDER / "storage.conf", storage),
        "CONTAINERS_CONF": _written(FOLDER / "containers.conf", CONTAINERS_CONF),
    }


def _written(path: Path, text: str) -> Path:
    """A file with this text, which is never seen half written: other tests read it at the same time."""
    if not path.exists() or path.read_text() != text:
        new = path.with_suffix(f".{os.getpid()}")
        new.write_text(text)
        os.replace(new, path)
    return path


def _root_file_system() -> Path:
    """A root file system as a tar archive."""
    archive = FOLDER / "root.tar"
    excluded = [f"--dpkgopt=path-exclude={path}" for path in LEFT_OUT]
    run(
        "mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", *excluded, f"--customize-hook={EMPTIED}",
        SUITE, str(archive), MIRROR,
    )  # fmt: skip
    return archive


def _write_layout(archive: Path, layout: Path) -> None:
    """Write an OCI layout with one layer. The index comes last, so that a layout that has one is whole."""
    shutil.rmtree(layout, ignore_errors=True)
    (layout / "blobs" / "sha256").mkdir(parents=True)
    plain = archive.read_bytes()
    layer = _add(layout, gzip.compress(plain, 1, mtime=0), "application/vnd.oci.image.layer.v1.tar+gzip")
    config = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["bash"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(plain).hexdigest()]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _add(layout, json.dumps(config).encode(), "application/vnd.oci.image.config.v1+json"),
        "layers": [layer],
    }
    entry = _add(layout, json.dumps(manifest).encode(), manifest["mediaType"])
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    index = {"schemaVersion": 2, "manifests": [entry]}
    (layout / "index.new").write_text(json.dumps(index))
    os.replace(layout / "index.new", layout / "index.json")
    archive.unlink()


def _add(layout: Path, content: bytes, media_type: str) -> dict[str, Any]:
    """Add a blob to an OCI layout and return its descriptor."""
    digest = hashlib.sha256(content).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(content)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}
