"""Chooses how a view is shown: as a picture and text in every front end, and with widgets where a widget library is installed."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from kfnb.widgets.follow_runs import catch_up
from kfnb.widgets.static_view import PictureFace
from kfnb.widgets.view_protocols import ShownView


def show(view: ShownView) -> None:
    """Show a view with the best of what is installed.

    The picture is an output of its own kind: it is what a saved notebook keeps, and what is shown where widgets cannot
    be. In Jupyter's own pages the live view takes the picture's place while it is alive.
    """
    shell = kernel_shell()
    if shell is None:
        print(view)
        return
    catch_up_after_cells(shell)
    with view.lock:  # a change that is sent meanwhile would be missing in the first picture
        _add_faces(view, shell)


def _add_faces(view: ShownView, shell: Any) -> None:
    publisher = shell.display_pub
    if not _has_live_view():
        view.add_face(PictureFace(view, publisher))
        if _has("ipywidgets"):
            from kfnb.widgets.ipywidgets_view import CoreFace

            view.add_face(CoreFace(view))
        return
    from kfnb.widgets.anywidget_view import LiveFace

    live = LiveFace(view)
    beside = live.bundle() if _shows_widgets_only(shell) else {}
    view.add_face(PictureFace(view, publisher, live.id, beside))
    view.add_face(live)


def kernel_shell() -> Any:
    """IPython's shell in a kernel; ``None`` in a terminal, where outputs cannot be changed, and without IPython."""
    if "IPython" not in sys.modules:
        return None
    shell = sys.modules["IPython"].get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _has_live_view() -> bool:
    """Whether there is anywidget, and the page for it: an installation without the browser's part has none."""
    from kfnb.widgets.anywidget_view import PAGE

    return PAGE.exists() and _has("anywidget")


def _has(library: str) -> bool:
    try:
        import_module(library)
    except ImportError:
        return False
    return True


def _shows_widgets_only(shell: Any) -> bool:
    """Whether the page is not Jupyter's: VS Code and Colab keep every output in a frame, and load widgets when one is shown."""
    return "google.colab" in sys.modules or "__vsc_ipynb_file__" in shell.user_ns


def catch_up_after_cells(shell: Any) -> None:
    """What a cell leaves shows the end of runs that ended in it: who executes a notebook takes outputs no longer than that."""
    if catch_up not in shell.events.callbacks["post_run_cell"]:
        shell.events.register("post_run_cell", catch_up)
