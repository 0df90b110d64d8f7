"""The content-addressed store of values: a bundle is a small head and large buffers, each a file named by its sha256."""

from __future__ import annotations

import os

from kfnb.runtime.step_failures import Failure

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any

MAGIC = b"kfnb bundle 1\n"
CHUNK = 8 * 1024 * 1024
FOLDER_MODE, FILE_MODE = 0o700, 0o600
WRITING = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
UNFINISHED = "unfinished"  #: the folder of files that are being written
CHECKED = ".checked"  #: suffix of the file that keeps the state of a large buffer's file when it was verified


class Damaged(Failure):
    """A stored value is damaged or gone. ``bundle`` is its address; the step that produced it has to run again."""

    def __init__(self, message: str, bundle: str) -> None:
        super().__init__("load", "DamagedValue", message)
        self.bundle = bundle

    def to_json(self) -> dict[str, Any]:
        return dict(super().to_json(), bundle=self.bundle)


def is_address(text: str) -> bool:
    """Whether a text is the address of a bundle or a buffer."""
    return len(text) == 64 and all(c in "0123456789abcdef" for c in text)


class Store:
    """The store in ``folder``. It keeps every bundle that it has loaded, so that shared objects stay shared.

    A store that is not ``durable`` ends with its pod, so it does not wait for the disk.
    """

    def __init__(self, folder: str, durable: bool = True) -> None:
        self.folder, self.durable = folder, durable
        self._changed: dict[str, None] = {}
        self._read: dict[str, dict[str, Any]] = {}

    def path(self, address: str) -> str:
        if not is_address(address):
            raise Failure("load", "ValueError", "`%s` is not the address of a value" % address)
        return os.path.join(self.folder, address[:2], address)

    # ---------------------------------------------------------------- writing
    def put(self, head: bytes, buffers: list[str]) -> str:
        """Store a bundle whose buffers are stored already, and return its address."""
        data = MAGIC + (" ".join(buffers) + "\n").encode() + head
        return self.write(digest(data), data)

    def write(self, address: str, data: bytes) -> str:
        """Store bytes under their address, unless the store has them. A damaged file is replaced."""
        path = self.path(address)
        if _reads(path) == data:
            touch(path)
        else:
            temporary = self._temporary(address)
            try:
                with open(os.open(temporary, WRITING, FILE_MODE), "wb") as file:
                    file.write(data)
                self._publish(temporary, path)
            except OSError:
                _remove(temporary)
                raise
        return address

    def put_buffer(self, buffer: Any) -> str:
        """Store one large buffer. Its address is the digest of its pieces' digests, so that every core can help."""
        raw, header = buffer.raw(), getattr(buffer, "header", b"")
        if len(header) + raw.nbytes < CHUNK:
            data = b"".join((header, raw))
            return self.write(digest(data), data)
        temporary = self._temporary(str(id(buffer)))
        try:
            address = _write_pieces(temporary, header, raw)
            path = self.path(address)
            if is_checked(path):
                _remove(temporary)
                touch(path)
            else:
                self._publish(temporary, path)
        except OSError:
            _remove(temporary)
            raise
        return address

    def _temporary(self, name: str) -> str:
        """The path of a file to write. Its name says which process writes it (see `remove_unfinished`)."""
        folder = os.path.join(self.folder, UNFINISHED)
        for one in (self.folder, folder):
            os.makedirs(one, FOLDER_MODE, exist_ok=True)
        return os.path.join(folder, "%s-%d-%s.new" % (os.uname().nodename, os.getpid(), name))

    def _publish(self, temporary: str, path: str) -> None:
        """Give a complete file its final name. File and name are on the disk before a result refers to them (see `sync`)."""
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.makedirs(folder, FOLDER_MODE, exist_ok=True)
            self._changed[self.folder] = None
        if self.durable:
            _sync(temporary)
        os.replace(temporary, path)
        self._changed[folder] = None

    def sync(self) -> None:
        """Flush the folders of the stored files to the disk."""
        for folder in self._changed if self.durable else ():
            _sync(folder)
        self._changed = {}

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
        data = _reads(path)
        if data is None:
            raise Damaged("the stored value of `%s` is gone: there is no %s" % (name, path), address)
        if digest(data) != address or not data.startswith(MAGIC):
            raise Damaged("the stored value of `%s` is damaged (%s)" % (name, path), address)
        line = data.index(b"\n", len(MAGIC))
        buffers = [self._map(a, name, address) for a in data[len(MAGIC) : line].decode().split()]
        try:
            return loads(memoryview(data)[line + 1 :], buffers=buffers)  # type: ignore[no-any-return]
        except Failure:
            raise
        except Exception as error:
            message = "`%s` cannot be loaded in this step: %s" % (name, error)
            if isinstance(error, (ImportError, AttributeError)) and "kfnb.runtime" in str(error):
                message = "`%s` was stored by another version of kfnb: run the step again that made it" % name
            elif isinstance(error, ImportError):
                message += ": the step needs the package that made the value (mark it with `package:`)"
            raise Failure("load", type(error).__name__, message) from None

    def _map(self, address: str, name: str, bundle: str) -> Any:
        """A private copy-on-write view of a stored buffer."""
        import mmap

        path = self.path(address)
        try:
            with open(path, "rb") as file:
                found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if os.path.getsize(path) else bytearray()
        except FileNotFoundError:
            raise Damaged("a part of the stored `%s` is gone: there is no %s" % (name, path), bundle) from None
        except (OSError, ValueError) as error:
            raise Failure("load", type(error).__name__, "a part of `%s` cannot be read: %s" % (name, error)) from None
        if not is_whole(path, address, found):
            raise Damaged("a part of the stored `%s` is damaged (%s)" % (name, path), bundle)
        return found

    def has(self, address: str) -> bool:
        """Whether a bundle can be read, as far as that is visible without reading large buffers. Marks it as used now."""
        data = _reads(self.path(address))
        if data is None or digest(data) != address or not data.startswith(MAGIC):
            return False
        touch(self.path(address))
        return all(self._has_buffer(a) for a in data[len(MAGIC) : data.index(b"\n", len(MAGIC))].decode().split())

    def _has_buffer(self, address: str) -> bool:
        path = self.path(address)
        touch(path)
        try:
            return os.path.getsize(path) >= CHUNK or digest(_reads(path) or b"") == address
        except OSError:
            return False


def _write_pieces(path: str, header: bytes, raw: Any) -> str:
    """Write ``header`` and ``raw``, and return the address. Hashing and writing release the interpreter's lock, so threads help."""
    import hashlib
    from concurrent.futures import ThreadPoolExecutor

    handle = os.open(path, WRITING, FILE_MODE)

    def piece(start: int) -> bytes:
        found = hashlib.sha256()
        data = raw[max(start - len(header), 0) : start - len(header) + CHUNK]
        for view in (data,) if start else (memoryview(header), data):
            found.update(view)
            while view.nbytes:
                written = os.pwrite(handle, view, start)
                view, start = view[written:], start + written
        return found.digest()

    try:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            digests = list(pool.map(piece, range(0, len(header) + raw.nbytes, CHUNK)))
    finally:
        os.close(handle)
    return _address_of(digests)


def _address_of(digests: list[bytes]) -> str:
    import hashlib

    return hashlib.sha256(b"pieces" + b"".join(digests)).hexdigest()


# -------------------------------------------------------------------- verification
def is_whole(path: str, address: str, data: Any) -> bool:
    """Whether a buffer's file has the stored content. A large file is verified once, until it changes."""
    view = memoryview(data)
    if view.nbytes < CHUNK:
        return digest(view) == address
    if is_checked(path):
        return True
    state = _state_of(path)
    if _digest_pieces(view) != address:
        return False
    try:
        _mark_checked(path, state)
    except OSError:
        return True  # the disk is full or read-only: the next reader verifies it again
    return True


def is_checked(path: str) -> bool:
    """Whether a buffer was verified and its file has not changed since."""
    try:
        with open(path + CHECKED, encoding="ascii") as file:
            return file.read() == _state_of(path)
    except (OSError, ValueError):
        return False


def touch(path: str) -> None:
    """Mark a stored file as used now, so that cleaning up does not remove it."""
    try:
        checked = is_checked(path)
        os.utime(path)
        if checked:
            _mark_checked(path, _state_of(path))
    except OSError:
        return  # it is gone, or the disk is read-only


def _mark_checked(path: str, state: str) -> None:
    with open(os.open(path + CHECKED, WRITING, FILE_MODE), "w", encoding="ascii") as file:
        file.write(state)


def _state_of(path: str) -> str:
    found = os.stat(path)
    return "%d %d %d %d" % (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _digest_pieces(view: Any) -> str:
    import hashlib
    from concurrent.futures import ThreadPoolExecutor

    def piece(start: int) -> bytes:
        return hashlib.sha256(view[start : start + CHUNK]).digest()

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return _address_of(list(pool.map(piece, range(0, view.nbytes, CHUNK))))


def digest(data: Any) -> str:
    """The sha256 of ``data``. Small data is hashed without starting OpenSSL."""
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


def _reads(path: str) -> bytes | None:
    """The bytes of a file; ``None`` when there is no such file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise Failure("load", type(error).__name__, "a stored value cannot be read: %s" % error) from None


def _sync(path: str) -> None:
    """Flush a file or folder to the disk, as far as the file system supports that."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (22, 95):  # EINVAL, ENOTSUP: the file system cannot flush it
            raise
    finally:
        os.close(handle)


def _remove(path: str) -> None:
    if os.path.exists(path):
        os.remove(path)


def remove_unfinished(store: str, *folders: Any) -> None:
    """Remove unfinished files of processes of this machine that have ended, in the store and in ``folders``."""
    place, host = os.path.join(store, UNFINISHED), os.uname().nodename
    for name in os.listdir(place) if os.path.isdir(place) else ():
        node, _, rest = name.rpartition("-")[0].rpartition("-")
        if node == host and rest.isdigit() and not _lives(int(rest)):
            _remove(os.path.join(place, name))
    for folder in folders:
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            if name.endswith(".new"):
                _remove(os.path.join(folder, name))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        with open("/proc/%d/stat" % pid, "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
    except (ProcessLookupError, IndexError):
        return False
    except OSError:
        return True  # the process of another user, or a system without /proc
