"""The axes of a plot: the place of each value along an axis, and the values that are written beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kfnb.pipeline.model import Json
from kfnb.sweeps.parameter_grid import value_text

DECADES = 100  #: from the smallest to the largest value: above it an axis is logarithmic
MOST_OWN_TICKS = 8  #: the values themselves are written when they are no more
PAD = 0.06  #: of an axis, free at both ends


@dataclass(frozen=True)
class Axis:
    """``at`` gives the place of a value from 0 to 1; ``ticks`` are places with what is written there."""

    name: str
    at: Callable[[Json], float]
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    @property
    def label(self) -> str:
        return f"{self.name} (log scale)" if self.log else self.name


def is_numeric(values: Sequence[Json]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)


def axis(name: str, values: Sequence[Json], room: float) -> Axis:
    """An axis for the values of a parameter; ``room``: about how many ticks fit."""
    return numbers(name, values, room) if is_numeric(values) else categories(name, values)


def categories(name: str, values: Sequence[Json]) -> Axis:
    """Every value at a place of its own, in their order, numbers by size."""
    distinct = list({value_text(v): v for v in values}.values())
    if is_numeric(distinct):
        distinct.sort()
    places = {value_text(v): (n + 0.5) / len(distinct) for n, v in enumerate(distinct)}
    return Axis(name, lambda v: places[value_text(v)], tuple((place, word) for word, place in places.items()))


def numbers(name: str, values: Sequence[float], room: float, own: bool = True) -> Axis:
    """Numbers by their size, by their magnitude where they span decades. ``own``: write the values themselves where they fit."""
    distinct = sorted(set(map(float, values)))
    low, high = distinct[0], distinct[-1]
    log = low > 0 and high / low >= DECADES
    scale: Callable[[float], float] = math.log10 if log else float
    first, last = scale(low), scale(high)
    span = (last - first) or abs(first) * 0.2 or 1.0
    middle = (first + last) / 2

    def at(value: Json) -> float:
        return 0.5 + (scale(float(value)) - middle) / span * (1 - 2 * PAD)

    apart = min((at(b) - at(a) for a, b in zip(distinct, distinct[1:], strict=False)), default=1.0)
    if own and len(distinct) <= MOST_OWN_TICKS and apart * room > 0.6:
        chosen = distinct
    else:
        chosen = powers(low, high, room) if log else rounds(*_bounds(low, high, span), room)
    places = ((at(v), value_text(v)) for v in chosen)
    return Axis(name, at, tuple((p, word) for p, word in places if -0.001 <= p <= 1.001), log)


def _bounds(low: float, high: float, span: float) -> tuple[float, float]:
    """What stands at the two ends of a linear axis."""
    half = span / (1 - 2 * PAD) / 2
    return (low + high) / 2 - half, (low + high) / 2 + half


def powers(low: float, high: float, room: float) -> list[float]:
    """Powers of ten."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    step = max(1, math.ceil((last - first) / room))
    return [10.0**n for n in range(first, last + 1, step)]


def rounds(low: float, high: float, room: float) -> list[float]:
    """Round numbers between two."""
    rough = (high - low) / max(room, 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * n for n in (1, 2, 5, 10) if unit * n >= rough * 0.999)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(n * step, digits) for n in range(math.ceil(low / step), math.floor(high / step) + 1)]
