"""Divides packages into layers and makes these: a changed small package must not send a large one again."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kfnb.images.layers import compile_modules
from kfnb.images.layers.layer_archive import LayerDigests, write_layer
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.layers.wheel_files import PACKAGES, files_of_bytecode, files_of_wheel
from kfnb.images.locks.lock_model import LockedFile

FORMAT = "1"  #: is part of each key, and changes when kfnb writes other archives of the same wheels
LARGE = 2_000_000  #: bytes of a wheel that has a layer of its own
MOST_LAYERS = 16  #: with the base image's own there are at most about 20
WORKERS = 4

Progress = Callable[
    [str, int, int], None
]  #: is told of a layer's title how many bytes are there, and how many there will be


@dataclass(frozen=True)
class PackageLayer:
    """The wheels of one layer, in the order of their names."""

    title: str
    wheels: tuple[LockedFile, ...]

    @property
    def key(self) -> str:
        """A name of the layer that its content gives."""
        return hashlib.sha256("\n".join([FORMAT, *(w.sha256 for w in self.wheels)]).encode()).hexdigest()

    @property
    def download(self) -> int:
        """The bytes of its wheels, as far as the index told them."""
        return sum(w.size or 0 for w in self.wheels)


def package_layers(wheels: Iterable[tuple[str, LockedFile]]) -> tuple[PackageLayer, ...]:
    """Divide wheels, each with the name of its package: a layer for each of the largest, and one for all others, which comes first."""
    listed = sorted(wheels, key=lambda w: w[0])
    large = sorted((w for w in listed if _size(w[1]) >= LARGE), key=lambda w: (-_size(w[1]), w[0]))
    own = {name for name, _ in large[: MOST_LAYERS - 1]}
    small = [(name, w) for name, w in listed if name not in own]
    title = f"{len(small)} small packages" if len(small) > 1 else "".join(name for name, _ in small)
    together = [PackageLayer(title, tuple(w for _, w in small))] if small else []
    return (*together, *(PackageLayer(name, (w,)) for name, w in listed if name in own))


def _size(wheel: LockedFile) -> int:
    """The size of a wheel. One whose index does not tell it may be large."""
    return LARGE if wheel.size is None else wheel.size


@dataclass(frozen=True)
class Compiler:
    """An interpreter that compiles modules, so that steps need not do that each time they start: imports take a third of the time.

    Parameters
    ----------
    python
        The version for which it compiles. An interpreter of another version compiles nothing.
    """

    interpreter: str
    python: str

    def compile(self, wheels: Sequence[Path], output: Path) -> bool:
        """Write the bytecode of the modules of wheels, and return whether there is any."""
        command = [
            self.interpreter,
            "-s",
            "-S",
            compile_modules.__file__,
            self.python,
            f"/{PACKAGES}",
            str(output),
            *map(str, wheels),
        ]
        environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
        try:
            return subprocess.run(command, env=environment, capture_output=True).returncode == 0
        except OSError:
            return False


@dataclass(frozen=True)
class MadeLayer:
    """A layer in the cache, where it has the key."""

    key: str
    title: str
    digests: LayerDigests


def make_layers(
    layers: Sequence[PackageLayer], cache: WheelCache, compiler: Compiler, progress: Progress = lambda *_: None
) -> list[MadeLayer]:
    """Make those layers that are not kept. Several wheels are downloaded at one time, and several layers are written."""
    keys = {layer: f"{layer.key}-{compiler.python}" for layer in layers}
    missing = [layer for layer in layers if cache.layer(keys[layer]) is None]
    # Wheels come in one queue, because the layer of small packages has many of them.
    with (
        ThreadPoolExecutor(WORKERS) as downloads,
        ThreadPoolExecutor(os.cpu_count()) as writers,
        cache.session() as session,
    ):
        arrived: dict[str, int] = {}

        def fetch(layer: PackageLayer, file: LockedFile) -> Path:
            def told(count: int) -> None:
                arrived[file.sha256] = count
                progress(layer.title, sum(arrived.get(w.sha256, 0) for w in layer.wheels), layer.download)

            return cache.wheel(file, session, told)

        def write(layer: PackageLayer, wheels: list[Future[Path]]) -> None:
            _make_layer(layer, keys[layer], [w.result() for w in wheels], cache, compiler)

        waiting = [(layer, [downloads.submit(fetch, layer, f) for f in layer.wheels]) for layer in missing]
        tasks = [writers.submit(write, layer, wheels) for layer, wheels in waiting]
        try:
            for task in tasks:
                task.result()
        except BaseException:
            downloads.shutdown(cancel_futures=True)
            writers.shutdown(cancel_futures=True)
            raise
    made = [(layer, cache.layer(keys[layer])) for layer in layers]
    return [MadeLayer(keys[layer], layer.title, d) for layer, d in made if d is not None]


def _make_layer(layer: PackageLayer, key: str, wheels: list[Path], cache: WheelCache, compiler: Compiler) -> None:
    files = [file for wheel in wheels for file in files_of_wheel(wheel)]
    with TemporaryDirectory(prefix="kfnb-layer-") as folder:
        bytecode = Path(folder) / "bytecode.zip"
        if compiler.compile(wheels, bytecode):
            files += files_of_bytecode(bytecode)
        cache.keep_layer(key, lambda out: write_layer(files, out))
    if len(layer.wheels) == 1:
        cache.forget_wheel(layer.wheels[0])
