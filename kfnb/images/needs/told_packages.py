"""The packages of a kernel on another machine, as the kernel itself tells them.

`QUESTION` is what the kernel evaluates. `keep_answer` writes the answer as a folder that `kfnb.images.needs.installed_packages` reads in the
place of an interpreter. It contains the metadata of the packages and none of their code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

from kfnb.runs.record.home_folder import home_folder

LARGEST = 32 * 1024 * 1024  #: bytes of an answer that is not compressed any more
KEPT = 90 * 24 * 3600.0  #: seconds for which an answer is kept after its last use
VERSION = "python-version"  #: the file with the version of Python, in a folder of an answer
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._!+-]*")
PYTHON = re.compile(r"\d+\.\d+")

#: Of a module's path, three names are told: they tell the packages of a namespace such as `google.cloud` apart.
PROGRAM = """
import base64, json, sys, zlib
from importlib import metadata

def short(path):
    parts = path.split("/")
    return "/".join(parts[:3] + ["__init__.py"] if len(parts) > 3 else parts)

def files(text):
    paths = [line.split(",", 1)[0] for line in text.splitlines()]
    return sorted({short(p) for p in paths if p.endswith((".py", ".so", ".pyd"))})

packages = [
    [d.metadata["Name"], d.version, d.requires or [], files(d.read_text("RECORD") or ""),
     d.read_text("direct_url.json") or "", d.read_text("top_level.txt") or ""]
    for d in metadata.distributions()
]
told = json.dumps({"python": "%d.%d" % sys.version_info[:2], "packages": packages})
told = base64.b64encode(zlib.compress(told.encode())).decode()
"""

#: An expression, so that no name of the notebook changes.
QUESTION = f"(lambda names: (exec({PROGRAM!r}, names), names['told'])[1])({{}})"


class BadAnswer(ValueError):
    """A kernel has answered something else than its packages."""


def keep_answer(text: str) -> Path:
    """The folder with what a kernel has answered to `QUESTION`. Raises `BadAnswer`.

    Equal answers share a folder. Those that nobody has asked for in a long time are removed.
    """
    answer = _decoded(text)
    kernels = home_folder() / "kernels"
    folder = kernels / hashlib.sha256(text.encode()).hexdigest()[:32]
    kernels.mkdir(mode=0o700, parents=True, exist_ok=True)
    for other in kernels.iterdir():
        if time.time() - other.stat().st_mtime > KEPT:
            shutil.rmtree(other, ignore_errors=True)
    if not folder.is_dir():
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        _write(unfinished, answer)
        unfinished.replace(folder)
    os.utime(folder)
    return folder


def _decoded(text: str) -> dict[str, Any]:
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(base64.b64decode(text, validate=True), LARGEST)
        answer = json.loads(data)
        if not unpacking.eof or not PYTHON.fullmatch(answer["python"]) or not isinstance(answer["packages"], list):
            raise ValueError("it is too large, or of another form")
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise BadAnswer(f"the kernel does not say which packages it has: {error}") from error
    return dict(answer)


def _write(folder: Path, answer: dict[str, Any]) -> None:
    folder.mkdir(mode=0o700)
    (folder / VERSION).write_text(answer["python"], "utf-8")
    for name, version, requires, files, origin, tops in reversed(answer["packages"]):  # the first of a name counts
        if not (
            isinstance(name, str) and NAME.fullmatch(name) and isinstance(version, str) and NUMBER.fullmatch(version)
        ):
            continue  # the metadata of a package that was removed by hand may be damaged
        place = folder / f"{re.sub(r'[-_.]+', '_', name).lower()}-{version}.dist-info"
        place.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {r.splitlines()[0]}" for r in requires if r]
        (place / "METADATA").write_text("\n".join(lines) + "\n", "utf-8")
        (place / "RECORD").write_text("".join(f"{f},,\n" for f in files), "utf-8")
        (place / "top_level.txt").write_text(tops, "utf-8")
        if origin:
            (place / "direct_url.json").write_text(json.dumps(_without_folder(origin)), "utf-8")


def _without_folder(origin: str) -> dict[str, Any]:
    """Where a package was installed from. A folder of the kernel's machine is not one of ours, whose code must not travel in its place."""
    try:
        found = json.loads(origin)
    except ValueError:
        return {}
    return {k: v for k, v in found.items() if k != "dir_info"} if isinstance(found, dict) else {}
