"""Which module a name means in a step: the notebook's folder comes first, but not for what a live kernel has loaded before any cell.

A file ``selectors.py`` beside the notebook does not take the place of the standard library's in a kernel, which has loaded that one
already. A step loads it later or never, so it must not look for it beside the notebook: neither for the cells nor for itself.
"""

from __future__ import annotations

import os
import sys
from _frozen_importlib_external import PathFinder  # `importlib.machinery` would cost a step more than this module

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

#: What a kernel of the standard library has loaded before its first cell, beside private modules; and what this runtime uses.
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
ABSENT = frozenset(("msvcrt", "nt", "winreg"))  #: what the standard library looks for to learn which system this is
LIBRARY: frozenset[str] = getattr(sys, "stdlib_module_names", frozenset())  #: from Python 3.10 on


def enter(folder: str) -> None:
    """Put the notebook's folder first where modules are looked for, as a kernel does."""
    if folder in sys.path:
        return
    _unload(folder)
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, _Loaded(folder))


def _unload(folder: str) -> None:
    """Forget what only our own processes have loaded, where the notebook's folder has a module of that name."""
    try:
        beside = {name.split(".")[0] for name in os.listdir(folder)}
    except OSError:
        return
    for name in beside & LIBRARY - LOADED - set(sys.builtin_module_names):
        for loaded in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
            del sys.modules[loaded]


class _Loaded:
    """Finds what a kernel has loaded where the kernel found it: not beside the notebook."""

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
