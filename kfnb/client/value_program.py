"""``python value_program.py < REQUEST``: load a stored value and write how a browser shows it, or write it as a file.

A program of its own, run by the interpreter of the run, because loading a value may run code of the notebook. The request is JSON: the
``store``, the ``folder`` of the notebook, the ``value`` (see `kfnb.server.step_values`), where to write the ``answer``, and
either the ``start`` of the page, or the ``file`` to write with its ``format``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    request = json.loads(sys.stdin.read())
    _find_kfnb()
    if request["folder"]:
        sys.path.append(request["folder"])
    with open(os.open(request["answer"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(_answer(request), file)


def _find_kfnb() -> None:
    """Import the package that this file is in, which the interpreter may not have; nothing that is beside it is found."""
    from importlib.util import module_from_spec, spec_from_file_location

    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [p for p in sys.path if p != here]  # Python puts the folder of a program first
    spec = spec_from_file_location("kfnb", os.path.join(package, "__init__.py"), submodule_search_locations=[package])
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no package kfnb in {package}")
    sys.modules["kfnb"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["kfnb"])


def _answer(request: dict) -> dict:  # type: ignore[type-arg]
    from kfnb.client.export_value import NotWritten
    from kfnb.client.value_pages import page_of
    from kfnb.runtime.step_failures import Failure

    try:
        value = _loaded(request["store"], request["value"])
        if "file" not in request:
            return page_of(value, request["start"])
        ending = request["format"] or usual_format(value)
        if request["format"]:
            return _written(value, Path(request["file"]), ending)
        return _written_as_it_can(value, Path(request["file"]), ending)
    except Failure as failure:
        return {"problem": failure.message}
    except NotWritten as error:
        return {"problem": str(error)}
    except Exception as error:  # whatever the code of the value raises
        return {"problem": f"{type(error).__name__}: {error}"}


def _written(value: object, path: Path, ending: str) -> dict:  # type: ignore[type-arg]
    from kfnb.client.export_value import write_value

    target = path.with_name(f"{path.name}.{ending}")
    write_value(value, target)
    return {"file": str(target)}


def _written_as_it_can(value: object, path: Path, usual: str) -> dict:  # type: ignore[type-arg]
    """Write a value in its usual format, or else as what it can be: a list that is no JSON, an object of the notebook's own class."""
    from kfnb.client.export_value import NotWritten

    others = ("pkl", "html") if hasattr(type(value), "_repr_html_") else ("pkl",)
    *tried, last = dict.fromkeys((usual, *others))
    for ending in tried:
        try:
            return _written(value, path, ending)
        except NotWritten:
            continue
    return _written(value, path, last)


def usual_format(value: object) -> str:
    """The format in which a value is saved where none is named."""
    kind = type(value)
    package = kind.__module__.partition(".")[0]
    if kind.__name__ in ("DataFrame", "Series") and package in ("pandas", "polars"):
        return "csv"
    if kind.__name__ == "ndarray" and package == "numpy":
        return "npy"
    if hasattr(value, "savefig") or package == "PIL":
        return "png"
    if isinstance(value, str):
        return "txt"
    return "json" if isinstance(value, (dict, list, int, float)) else "pkl"


def _loaded(store: str, value: dict) -> object:  # type: ignore[type-arg]
    from kfnb.runtime.values.load_stored_values import load_value

    if "plain" in value:
        return value["plain"]
    if "several" in value:
        return [_loaded(store, one) for one in value["several"]]
    if "item" in value:
        return [*_loaded(store, value["of"])][value["item"]]  # type: ignore[misc]
    return load_value(store, value["bundle"], value["name"])


if __name__ == "__main__":
    main()
