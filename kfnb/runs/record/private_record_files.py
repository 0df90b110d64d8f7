"""Files of the record: only their owner can read them, and a reader finds the old text or the new one, never half of it."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from kfnb.problems import UserError

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OTHERS = 0o077  #: the permissions of everybody but the owner


class DamagedRecord(UserError, Exception):
    """A file of the record does not hold what it should; the message names it."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(
            f"the record of runs is damaged: {path}: {why}; mend that file or put it back, or delete the run it belongs to"
        )
        self.path = path


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone."""
    if not path.is_dir():
        if path.parent != path:
            make_folder(path.parent)
        with contextlib.suppress(FileExistsError):
            path.mkdir(FOLDER_MODE)


def write_file(path: Path, text: str) -> None:
    """Put a text into a file, all of it or nothing, for its owner alone. It is on the disk when this returns."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
        with open(handle, "wb") as file:
            file.write(text.encode("utf-8", "surrogatepass"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def append_to(path: Path) -> BinaryIO:
    """Open a file at its end; a new one is its owner's alone."""
    return open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, FILE_MODE), "ab")


def read_json(path: Path) -> Any:
    """The JSON in a file. Raises `DamagedRecord` when there is none in it, and `FileNotFoundError`."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise
    except (ValueError, RecursionError) as error:
        raise DamagedRecord(path, f"it is not JSON ({error})") from None
    except (IsADirectoryError, NotADirectoryError):
        raise DamagedRecord(path, "there is a folder where a file should be") from None


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises as `read_json` does."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise DamagedRecord(path, f"it should hold a JSON object, not {type(found).__name__}")
    return found


def read_json_lines(path: Path) -> list[Any]:
    """The JSON in each whole line of a file; none where there is no file. Raises `DamagedRecord`."""
    try:
        lines = path.read_text("utf-8").split("\n")[:-1]
        return [json.loads(line) for line in lines if line]
    except FileNotFoundError:
        return []
    except (ValueError, RecursionError) as error:
        raise DamagedRecord(path, f"a line of it is not JSON ({error})") from None
    except (IsADirectoryError, NotADirectoryError):
        raise DamagedRecord(path, "there is a folder where a file should be") from None


def tighten(home: Path, own: frozenset[str]) -> None:
    """Take permissions of others from a record that was made when they still had some.

    Parameters
    ----------
    own
        The names in ``home`` that are the record's. A folder that holds other things too keeps its own permissions.
    """
    names: set[str] = set()
    with contextlib.suppress(OSError):
        names = set(os.listdir(home))
        if names <= own and _is_wide(home):
            os.chmod(home, FOLDER_MODE)
    for name in names & own:
        # one may be gone by now, as the database's own files when its last user ends
        with contextlib.suppress(OSError):
            _tighten(os.path.join(home, name))


def _tighten(path: str) -> None:
    """A path and what is in it. A folder that is closed already has been gone through."""
    if not _is_wide(Path(path)):
        return
    if os.path.isdir(path):
        for name in os.listdir(path):
            _tighten_all(os.path.join(path, name))
    os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) & ~OTHERS)


def _tighten_all(path: str) -> None:
    if os.path.islink(path):
        return
    if os.path.isdir(path):
        for name in os.listdir(path):
            _tighten_all(os.path.join(path, name))
    with contextlib.suppress(OSError):
        os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) & ~OTHERS)


def _is_wide(path: Path) -> bool:
    found = os.lstat(path)
    return not stat.S_ISLNK(found.st_mode) and bool(found.st_mode & OTHERS)
