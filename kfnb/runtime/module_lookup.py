"""Decides which module an import finds in a step: the notebook's folder comes first, as in a live kernel.

A kernel has loaded some modules of the standard library before its first cell. A file ``selectors.py`` beside the notebook
does not replace such a module in a kernel. A step loads these modules later or never, so it must not look for them beside
the notebook, neither for the cells nor for itself.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib_external import PathFinder  # `importlib.machinery` would cost a step more than this module

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: Public modules of the standard library that a kernel has loaded before its first cell, or that this runtime uses.
LOADED = frozenset(
    """__future__ abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 calendar cmd code codecs codeop collections
    concurrent contextlib contextvars copy copyreg csv ctypes curses dataclasses datetime decimal dis email encodings enum errno
    faulthandler fcntl fnmatch functools genericpath getopt getpass gettext glob grp gzip hashlib heapq hmac html http importlib inspect io
    ipaddress itertools json keyword linecache locale logging lzma marshal math mimetypes mmap ntpath numbers opcode operator os pathlib
    pdb pickle pkgutil platform posix posixpath pprint pwd pydoc pyexpat queue quopri random re reprlib resource runpy select selectors
    shlex shutil signal site socket socketserver sqlite3 ssl stat string stringprep struct subprocess sys sysconfig tempfile
    termios textwrap threading time token tokenize traceback types typing unicodedata urllib uuid warnings weakref xml
    xmlrpc zipfile zipimport zlib zoneinfo""".split()
)
ABSENT = frozenset(
    ("msvcrt", "nt", "winreg")
)  #: modules that the standard library tries to import to find out the operating system
LIBRARY: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())  #: from Python 3.10 on


def enter(folder: str) -> None:
    """Put the notebook's folder first in the module search path, as a kernel does."""
    if folder in sys.path:
        return
    _unload(folder)
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, _Loaded(folder))


def _unload(folder: str) -> None:
    """Unload standard modules that only this process has loaded, where the notebook's folder has a module of that name."""
    try:
        beside = {name.split(".")[0] for name in os.listdir(folder)}
    except OSError:
        return
    for name in beside & LIBRARY - LOADED - set(sys.builtin_module_names):
        for loaded in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
            del sys.modules[loaded]


class _Loaded:
    """Finds the modules that a kernel has loaded already, and does not look for them beside the notebook."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if path is not None or name in sys.builtin_module_names:
            return None
        if not (name in LOADED or name in ABSENT or name[:1] == "_" and name in LIBRARY):
            return None
        found = PathFinder.find_spec(name, [p for p in sys.path if p not in (self._folder, "")])
        if found is None:
            raise ModuleNotFoundError("No module named %r" % name, name=name)
        return found
