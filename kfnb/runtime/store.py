"""Values by content: a bundle is a small head and large buffers, each a file named by its sha256."""

from __future__ import annotations

import io
import os
import sys

from kfnb.runtime.failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

MAGIC = b"kfnb bundle 1\n"
CHUNK = 8 * 1024 * 1024
STACK, FRAME = 1 << 30, 2048  #: bytes of address space for a deep value, and of one level of it at most


class Store:
    """The content-addressed store in ``folder``. Bundles read once stay, so that shared objects stay shared."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._read: dict[str, dict[str, Any]] = {}

    def path(self, address: str) -> str:
        if len(address) != 64 or not all(c in "0123456789abcdef" for c in address):
            raise Failure("load", "ValueError", "`%s` is not the address of a value" % address)
        return os.path.join(self.folder, address[:2], address)

    # ---------------------------------------------------------------- writing
    def put(self, head: bytes, buffers: list[str]) -> str:
        """Store a bundle whose buffers are stored; give its address."""
        data = MAGIC + (" ".join(buffers) + "\n").encode() + head
        address = digest(data)
        self._write(address, data)
        return address

    def _write(self, address: str, data: bytes) -> None:
        path = self.path(address)
        if os.path.exists(path):
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = "%s.%d.new" % (path, os.getpid())
        try:
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except OSError:
            _remove(temporary)
            raise

    def put_buffer(self, buffer: Any) -> str:
        """Store one large buffer. Its address is the digest of its pieces' digests, so that every core can help."""
        raw = buffer.raw()
        if raw.nbytes < CHUNK:
            data = bytes(raw)
            address = digest(data)
            self._write(address, data)
            return address
        os.makedirs(self.folder, exist_ok=True)
        temporary = os.path.join(self.folder, "%d-%d.new" % (os.getpid(), id(buffer)))
        try:
            address = _write_pieces(temporary, raw)
            path = self.path(address)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.replace(temporary, path)
        except OSError:
            _remove(temporary)
            raise
        return address

    # ---------------------------------------------------------------- reading
    def load(self, address: str, name: str) -> Any:
        """The value ``name`` of a bundle. Raises `Failure` when it cannot be read."""
        if address not in self._read:
            self._read[address] = self._load(address, name)
        if name not in self._read[address]:
            raise Failure("load", "KeyError", "the stored bundle has no `%s`" % name)
        return self._read[address][name]

    def _load(self, address: str, name: str) -> dict[str, Any]:
        from _pickle import loads

        path = self.path(address)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise Failure(
                "load", type(error).__name__, "the stored value of `%s` cannot be read: %s" % (name, error)
            ) from None
        if digest(data) != address or not data.startswith(MAGIC):
            raise Failure(
                "load", "ValueError", "the stored value of `%s` is damaged (%s): run its step again" % (name, path)
            )
        line = data.index(b"\n", len(MAGIC))
        buffers = [self._map(a, name) for a in data[len(MAGIC) : line].decode().split()]
        try:
            return loads(memoryview(data)[line + 1 :], buffers=buffers)  # type: ignore[no-any-return]
        except Failure:
            raise
        except Exception as error:
            message = "`%s` cannot be loaded here: %s" % (name, error)
            if isinstance(error, ImportError):
                message += ": the step needs the package that made the value (mark it with `package:`)"
            raise Failure("load", type(error).__name__, message) from None

    def _map(self, address: str, name: str) -> Any:
        """A private copy of a stored buffer that costs nothing until it is written to."""
        import mmap

        path = self.path(address)
        try:
            with open(path, "rb") as file:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise Failure("load", type(error).__name__, "a part of `%s` cannot be read: %s" % (name, error)) from None


def _write_pieces(path: str, raw: Any) -> str:
    """Write ``raw`` and give its address; hashing and writing both let go of the interpreter's lock."""
    import hashlib
    from concurrent.futures import ThreadPoolExecutor

    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)

    def piece(start: int) -> bytes:
        view = raw[start : start + CHUNK]
        done = hashlib.sha256(view).digest()
        while view.nbytes:
            written = os.pwrite(handle, view, start)
            view, start = view[written:], start + written
        return done

    try:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            digests = list(pool.map(piece, range(0, raw.nbytes, CHUNK)))
    finally:
        os.close(handle)
    return hashlib.sha256(b"pieces" + b"".join(digests)).hexdigest()


def digest(data: bytes) -> str:
    """sha256; for small data without OpenSSL's start-up."""
    if len(data) < 1024 * 1024:
        try:
            from _sha256 import sha256
        except ImportError:
            try:
                from _sha2 import sha256
            except ImportError:
                from hashlib import sha256
        return sha256(data).hexdigest()  # type: ignore[no-any-return]
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)


def dump(values: dict[str, Any], owners: frozenset[int] = frozenset()) -> tuple[bytes, list[Any], Any]:
    """The head and the large buffers of a bundle, and the pickler (whose memo knows every object inside)."""
    from kfnb.runtime.pickling import ValuePickler

    def write() -> tuple[bytes, list[Any], Any]:
        file, buffers = io.BytesIO(), []  # type: tuple[io.BytesIO, list[Any]]
        pickler = ValuePickler(file, buffers.append, owners)
        pickler.dump(values)
        return file.getvalue(), buffers, pickler

    try:
        return write()
    except RecursionError:
        if sys.version_info >= (3, 12):
            raise  # its limit for C code cannot be moved
        return _on_a_large_stack(write)  # type: ignore[no-any-return]


def _on_a_large_stack(work: Any) -> Any:
    """What ``work`` gives, or raises, where there is room for a chain of some hundred thousand objects."""
    import _thread
    from contextvars import copy_context

    found: dict[str, Any] = {}
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            found["value"] = work()
        except BaseException as error:
            found["error"] = error
        finally:
            done.release()

    limit, size = sys.getrecursionlimit(), _thread.stack_size(STACK)
    try:
        sys.setrecursionlimit(max(limit, STACK // FRAME))
        _thread.start_new_thread(copy_context().run, (run,))
        done.acquire()
    except RuntimeError:
        raise RecursionError from None  # there is no memory for such a thread
    finally:
        sys.setrecursionlimit(limit)
        _thread.stack_size(size)
    if "error" in found:
        raise found["error"]
    return found["value"]
