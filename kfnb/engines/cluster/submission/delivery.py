"""How far a run is on its way to its cluster: it is packaged, its images are built and sent, and it is submitted. One bar shows all of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass

#: Where each phase begins and ends on the bar. Most of the time goes into what is downloaded and sent.
PHASES = {"package": (0.0, 0.05), "build": (0.05, 0.5), "push": (0.5, 0.95), "submit": (0.95, 1.0)}


@dataclass(frozen=True)
class Delivery:
    """Where a run is on its way.

    Parameters
    ----------
    phase
        A key of `PHASES`.
    share
        How much of the whole way is done: 0 to 1.
    title, done, size
        What is downloaded, built or sent now, with the bytes that are done and those that there are; a size of 0 is not known.
    """

    phase: str
    share: float
    title: str = ""
    done: int = 0
    size: int = 0

    def __str__(self) -> str:
        words = {"package": "packages the run", "build": f"makes {self.title}", "push": f"sends {self.title}"}
        amount = f"{self.done / 1e6:.1f} of {self.size / 1e6:.1f} MB" if self.size else f"{self.done / 1e6:.1f} MB"
        text = words.get(self.phase, "submits the run")
        return f"{text}, {amount}" if self.size or self.done else text


def begun(phase: str) -> Delivery:
    """The beginning of a phase."""
    return Delivery(phase, PHASES[phase][0])


class DeliveryProgress:
    """Makes one bar of what a build tells of its layers. Several threads may tell it."""

    def __init__(self) -> None:
        self._share = 0.0
        self._known: dict[str, dict[str, float]] = {"build": {}, "push": {}}  #: how much of each layer is done
        self._lock = threading.Lock()

    def told(self, title: str, doing: str, done: int, size: int) -> Delivery:
        """Where the run is now; the arguments are those of `kfnb.images.build_watch.Watch`. The bar never goes back."""
        phase = "push" if doing == "upload" else "build"
        begin, end = PHASES[phase]
        with self._lock:
            layers = self._known[phase]
            layers[title] = min(1.0, done / size) if size else 0.5
            # nobody knows how many layers follow, so that there is always room for one
            part = sum(layers.values()) / (len(layers) + 1)
            self._share = max(self._share, begin + (end - begin) * part)
            return Delivery(phase, self._share, title, done, size)
