"""What an image has that a step needs to know: its Python, and the packages in it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kfnb.engines.local.containers.container_failures import ContainerFailure
from kfnb.engines.local.containers.container_tool import ContainerTool
from kfnb.runs.record.private_record_files import make_folder, write_file

PROBE = """
import json, platform, sys
from importlib import metadata
packages = {d.metadata["Name"]: d.version for d in metadata.distributions() if d.metadata["Name"]}
print(json.dumps({"python": list(sys.version_info[:2]), "machine": platform.machine(), "libc": platform.libc_ver(), "packages": packages}))
"""
OLDEST = (3, 8)  #: the oldest Python that the runtime works with


@dataclass(frozen=True)
class ImageFacts:
    """An image on this machine.

    Parameters
    ----------
    python
        The version of Python, such as ``(3, 11)``.
    libc
        The name and version of the C library; the name is empty for musl.
    packages
        The versions of the installed packages, by their names.
    """

    id: str
    python: tuple[int, int]
    machine: str
    libc: tuple[str, str]
    packages: dict[str, str]


def image_facts(tool: ContainerTool, image: str, id_: str, kept: Path) -> ImageFacts:
    """Look into an image, once for each id: what was found is kept in the folder ``kept``.

    Raises
    ------
    ContainerFailure
        When the image has no Python that the runtime works with.
    """
    path = kept / f"{id_}.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        found = _look_into(tool, image, id_)
        make_folder(kept)
        write_file(path, json.dumps(found))
    version = (int(found["python"][0]), int(found["python"][1]))
    if version < OLDEST:
        raise ContainerFailure(
            "NoPython",
            f"the image {image} has Python {version[0]}.{version[1]}, and a step needs {OLDEST[0]}.{OLDEST[1]} or newer: "
            "name another image with the mark `image`",
        )
    return ImageFacts(id_, version, found["machine"], (found["libc"][0], found["libc"][1]), found["packages"])


def _look_into(tool: ContainerTool, image: str, id_: str) -> dict[str, Any]:
    words = ["run", "--rm", "--network", "none", "--entrypoint", "python3", id_, "-c", PROBE]
    process = subprocess.run([tool.path, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    try:
        found: dict[str, Any] = json.loads(process.stdout)
    except ValueError:
        if process.returncode == 127:  # as a shell says that there is no such program
            raise ContainerFailure(
                "NoPython",
                f"the image {image} has no `python3`, which a step needs that is no shell step: name another image with the "
                "mark `image`, or make the cell a shell step with the mark `shell`",
            ) from None
        said = (process.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise ContainerFailure("ContainerError", f"{tool.name} cannot run the image {image}: {said}") from None
    return found
