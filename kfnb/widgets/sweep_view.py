"""The view of a sweep: its table and its plot, which are updated while runs end."""

from __future__ import annotations

import threading
import time
from typing import Any

from kfnb.widgets.frontend_views import kernel_shell
from kfnb.widgets.view_protocols import ShownSweep

LOOK_EVERY = 0.5  #: seconds between two looks; a plot of many runs takes some milliseconds to be drawn


class SweepView:
    """Shows a sweep in the output of the cell that runs, until it has ended."""

    def __init__(self, sweep: ShownSweep, shell: Any) -> None:
        self._sweep, self._publisher = sweep, shell.display_pub
        self._name = f"kfnb-sweep-{id(self)}-{time.time()}"
        self._shown: Any = None
        self._publish(False)
        self._thread = threading.Thread(target=self._follow, name="kfnb-view-sweep", daemon=True)
        self._thread.start()

    def finish(self, timeout: float | None = None) -> None:
        """Wait until it shows the end."""
        self._thread.join(timeout)

    def _follow(self) -> None:
        while not self._sweep.ended:
            time.sleep(LOOK_EVERY)
            self._publish(True)
        self._publish(True)

    def _publish(self, update: bool) -> None:
        bundle = self._sweep._repr_mimebundle_()
        if bundle != self._shown:
            self._shown = bundle
            self._publisher.publish(bundle, {}, transient={"display_id": self._name}, update=update)


def show_sweep(sweep: ShownSweep) -> SweepView | None:
    """Show a sweep, live in a kernel; as text elsewhere."""
    shell = kernel_shell()
    if shell is None:
        print(sweep)
        return None
    return SweepView(sweep, shell)
