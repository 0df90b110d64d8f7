"""Compiles the modules of wheels. The notebook's interpreter runs this file as a script, because bytecode belongs to its version.

The bytecode is the same in every run: it is marshalled in version 2, which does not depend on how often an object is used elsewhere, and
it holds the hash of the source in place of a time (PEP 552). Python does not compare that hash when it loads the module.

Usage: ``python compile_modules.py VERSION FOLDER OUTPUT WHEEL…``
"""

from __future__ import annotations

import importlib.util
import marshal
import posixpath
import sys
import warnings
import zipfile

MARSHAL_VERSION = 2
UNCHECKED = (1).to_bytes(4, "little")  #: the flags of bytecode that is not compared with its source
OTHER_VERSION = 3  #: the exit status of an interpreter that is none of CPython, or of another version
TESTS = {"test", "tests"}  #: modules below such folders are seldom imported, and often many


def main(version: str, folder: str, output: str, wheels: list[str]) -> int:
    """Write the bytecode of the modules of wheels into a zip archive, under the paths that it has in the folder of packages."""
    tag = sys.implementation.cache_tag or ""
    if version != f"{sys.version_info[0]}.{sys.version_info[1]}" or not tag.startswith("cpython-"):
        return OTHER_VERSION
    warnings.simplefilter("ignore")
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as out:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                for name in sorted(archive.namelist()):
                    place = _place(name)
                    bytecode = _compiled(archive.read(name), f"{folder}/{place}") if place else b""
                    if bytecode:
                        head, tail = posixpath.split(place)
                        target = posixpath.join(head, "__pycache__", f"{tail[:-3]}.{tag}.pyc")
                        out.writestr(zipfile.ZipInfo(target), bytecode, zipfile.ZIP_DEFLATED)
    return 0


def _place(name: str) -> str:
    """Where a file of a wheel gets in the folder of packages. Empty when it is no module, or one of tests."""
    parts = name.split("/")
    if parts[0].endswith(".data"):
        parts = parts[2:] if parts[1:2] in (["purelib"], ["platlib"]) else []
    return "/".join(parts) if name.endswith(".py") and parts and not TESTS & set(parts[:-1]) else ""


def _compiled(source: bytes, path: str) -> bytes:
    """The bytecode of a module. Empty when the source is not for this version."""
    try:
        code = compile(source, path, "exec", dont_inherit=True)
        marshalled = marshal.dumps(code, MARSHAL_VERSION)
    except (SyntaxError, ValueError, RecursionError):
        return b""
    return importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(source) + marshalled


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
