"""Turns a wheel into the files that its installation makes, as the binary distribution format says, without an installation."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import posixpath
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from installer import install
from installer.destinations import WheelDestination
from installer.records import Hash, RecordEntry, parse_record_file
from installer.scripts import Script
from installer.sources import WheelFile
from installer.utils import Scheme, fix_shebang

from kfnb.images.layers.deflate_streams import stored
from kfnb.images.layers.layer_archive import CHUNK, LayerFile, plain_file
from kfnb.problems import UserError

PREFIX = "opt/kfnb"  #: the folder in the image that has all we add
PACKAGES = f"{PREFIX}/packages"  #: the folder that the image's Python has on its path
#: Finds the base image's Python by ``PATH``, so that one layer fits every base image.
INTERPRETER = "/usr/bin/env python3"
LOCAL_HEAD = 30  #: bytes of a file's head in a zip archive, without its name and its extra field


class BadWheel(UserError, Exception):
    """A file that is no wheel, or a damaged one."""


def files_of_wheel(path: Path) -> list[LayerFile]:
    """The files that the installation of a wheel makes. They are read from the wheel when a layer is written."""
    try:
        with zipfile.ZipFile(path) as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a wheel with bytecode: it is left out
            source = WheelFile(archive)
            hashes = {row[0]: row[1] for row in parse_record_file(source.read_dist_info("RECORD").splitlines())}
            destination = _LayerDestination(path, archive, source.data_dir, hashes)
            install(source, destination, {"INSTALLER": b"kfnb\n"})
            return destination.files
    except (zipfile.BadZipFile, ValueError, KeyError, OSError) as error:
        raise BadWheel(f"{path.name} is no wheel that can be installed: {error}") from error


def files_of_bytecode(path: Path) -> list[LayerFile]:
    """The files of an archive that `compile_modules` has written."""
    with zipfile.ZipFile(path) as archive:
        return [
            LayerFile(f"{PACKAGES}/{i.filename}", i.file_size, partial(_deflated, path, i)) for i in archive.infolist()
        ]


class _LayerDestination(WheelDestination):
    """Collects what an installation would write."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, data_folder: str, hashes: dict[str, str]) -> None:
        self.files: list[LayerFile] = []
        self._path, self._archive, self._data_folder, self._hashes = path, archive, data_folder, hashes
        self._folders = {
            "purelib": PACKAGES, "platlib": PACKAGES, "scripts": f"{PREFIX}/bin", "data": PREFIX,
            "headers": f"{PREFIX}/include/{data_folder.partition('-')[0]}",
        }  # fmt: skip

    def write_script(self, name: str, module: str, attr: str, section: str) -> RecordEntry:
        script, content = Script(name, module, attr, "console").generate("/usr/bin/python3", "posix")
        content = content.replace(b"#!/usr/bin/python3", f"#!{INTERPRETER}".encode(), 1)
        return self._add("scripts", script, content, executable=True)

    def write_file(
        self, scheme: Scheme, path: str | os.PathLike[str], stream: BinaryIO, is_executable: bool
    ) -> RecordEntry:
        name = os.fspath(path)
        place = self._place(scheme, name)
        in_wheel = posixpath.join(self._data_folder, scheme, name)
        try:
            info = self._archive.getinfo(in_wheel if in_wheel in self._archive.NameToInfo else name)
        except KeyError:
            return self._add(scheme, name, stream.read(), is_executable)
        if scheme == "scripts":
            with fix_shebang(stream, INTERPRETER) as changed:
                return self._add(scheme, name, changed.read(), executable=True)
        self.files.append(LayerFile(place, info.file_size, partial(_deflated, self._path, info), is_executable))
        text = self._hashes.get(info.filename)
        return RecordEntry(self._recorded(place), Hash.parse(text) if text else None, info.file_size)

    def finalize_installation(
        self, scheme: Scheme, record_file_path: str, records: Iterable[tuple[Scheme, RecordEntry]]
    ) -> None:
        text = io.StringIO()
        rows = (r.to_row() for _, r in records)
        csv.writer(text, lineterminator="\n").writerows(sorted(rows))
        self.files.append(plain_file(self._place(scheme, record_file_path), text.getvalue().encode()))

    def _add(self, scheme: str, name: str, content: bytes, executable: bool) -> RecordEntry:
        place = self._place(scheme, name)
        self.files.append(plain_file(place, content, executable))
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        return RecordEntry(self._recorded(place), Hash("sha256", digest), len(content))

    def _place(self, scheme: str, name: str) -> str:
        folder = self._folders[scheme]
        place = posixpath.normpath(posixpath.join(folder, name))
        if not place.startswith(f"{folder}/"):
            raise BadWheel(f"{self._path.name} would write {name}, which is outside of its folder")
        return place

    @staticmethod
    def _recorded(place: str) -> str:
        """A path as RECORD has it: relative to the folder of the packages."""
        return posixpath.relpath(place, PACKAGES)


def _deflated(wheel: Path, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The content of a file of a wheel as a deflate stream: the wheel's own, unless it holds the file in another way."""
    if info.compress_type != zipfile.ZIP_DEFLATED:
        with zipfile.ZipFile(wheel) as archive, archive.open(info) as file:
            yield from stored(iter(lambda: file.read(CHUNK), b""))
        return
    with wheel.open("rb") as raw:
        raw.seek(info.header_offset)
        head = raw.read(LOCAL_HEAD)
        raw.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), os.SEEK_CUR)
        left = info.compress_size
        while left:
            piece = raw.read(min(left, CHUNK))
            if not piece:
                raise BadWheel(f"{wheel.name} ends in the middle of {info.filename}")
            left -= len(piece)
            yield piece
