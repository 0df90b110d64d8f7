"""Divides packages into layers and makes these: a changed small package must not send a large one again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kfnb.images.layers.layer_archive import LayerDigests, write_layer
from kfnb.images.layers.wheel_cache import WheelCache
from kfnb.images.layers.wheel_files import files_of_wheel
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


def make_layers(
    layers: Sequence[PackageLayer], cache: WheelCache, progress: Progress = lambda *_: None
) -> list[LayerDigests]:
    """Make those layers that are not kept. Several wheels are downloaded at one time."""
    missing = [layer for layer in layers if cache.layer(layer.key) is None]
    # Wheels come in one queue, because the layer of small packages has many of them.
    with ThreadPoolExecutor(WORKERS) as downloads, cache.session() as session:
        arrived: dict[str, int] = {}

        def fetch(layer: PackageLayer, file: LockedFile) -> Path:
            def told(count: int) -> None:
                arrived[file.sha256] = count
                progress(layer.title, sum(arrived.get(w.sha256, 0) for w in layer.wheels), layer.download)

            return cache.wheel(file, session, told)

        waiting = [(layer, [downloads.submit(fetch, layer, f) for f in layer.wheels]) for layer in missing]
        try:
            for layer, futures in waiting:
                _make_layer(layer, [f.result() for f in futures], cache)
        except BaseException:
            downloads.shutdown(cancel_futures=True)
            raise
    found = [cache.layer(layer.key) for layer in layers]
    return [d for d in found if d is not None]


def _make_layer(layer: PackageLayer, wheels: list[Path], cache: WheelCache) -> None:
    files = [file for wheel in wheels for file in files_of_wheel(wheel)]
    cache.keep_layer(layer.key, lambda out: write_layer(files, out))
    if len(layer.wheels) == 1:
        cache.forget_wheel(layer.wheels[0])
