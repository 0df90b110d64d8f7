"""Small wheels for tests, made without a build backend."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

from kfnb.images.locks.lock_model import LockedFile, LockedPackage


def make_wheel(
    folder: Path, name: str, version: str = "1.0", files: dict[str, str | bytes] | None = None, tag: str = "py3-none-any",
    entry_points: str = "", method: int = zipfile.ZIP_DEFLATED, time: tuple[int, ...] = (2020, 1, 1, 0, 0, 0),
) -> Path:  # fmt: skip
    """Write a wheel with files by their paths, or else with one module."""
    info = f"{name}-{version}.dist-info"
    contents = {n: t.encode() if isinstance(t, str) else t for n, t in (files or {f"{name}.py": "ONE = 1\n"}).items()}
    contents[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    contents[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    if entry_points:
        contents[f"{info}/entry_points.txt"] = entry_points.encode()
    rows = [f"{n},sha256={_digest(c)},{len(c)}" for n, c in contents.items()]
    contents[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in contents.items():
            archive.writestr(zipfile.ZipInfo(member, time), content, method)
    return path


def locked(path: Path) -> LockedFile:
    """A wheel as a lock names it."""
    content = path.read_bytes()
    return LockedFile(path.name, path.as_uri(), hashlib.sha256(content).hexdigest(), len(content))


def locked_package(*wheels: Path) -> LockedPackage:
    name, version = wheels[0].name.split("-")[:2]
    return LockedPackage(name.replace("_", "-").lower(), version, tuple(map(locked, wheels)))


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
