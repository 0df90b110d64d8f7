"""Writes the tables and models of a step as artifacts of Kubeflow Pipelines, whose pages show them and let people download them."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # importing `typing` would cost a step as much as starting Python
if TYPE_CHECKING:
    from typing import Any, Callable

TABLE, MODEL = "table-", "model-"  #: what stands before the name of a value in that of its artifact
LARGEST = 100 * 1000 * 1000  #: bytes; a larger value is described and not written a second time
COLUMNS = 100  #: the most columns whose names are listed


def write_artifacts(
    result: dict[str, Any], store: str, path_of: Callable[[str], str | None]
) -> dict[str, dict[str, Any]]:
    """Write the artifacts that the launcher asked for, and return the metadata of each by its name.

    Parameters
    ----------
    path_of
        Where the artifact of a name goes; ``None`` when nobody asked for it.
    """
    from kfnb.runtime.values.value_store import Store

    values, described = Store(store), {}
    for name, entry in {**result["results"], **result["outputs"]}.items():
        for kind in (TABLE, MODEL) if "bundle" in entry and not entry.get("secret") else ():
            path = path_of(kind + name)
            if path is None:
                continue
            about = {"display_name": name, "class": entry["type"]}
            try:
                value = values.load(entry["bundle"], name)
                about.update(_table(value) if kind == TABLE else _model(value))
                if entry["bytes"] > LARGEST:
                    about["file"] = "none: the value is larger than 100 MB"
                else:
                    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
                    about["format"] = _write_table(value, path) if kind == TABLE else _write_model(value, path)
            except Exception as error:  # a value that cannot be shown is no reason to fail
                about["file"] = "none: %s: %s" % (type(error).__name__, str(error)[:200])
            described[kind + name] = about
    return described


def _table(value: Any) -> dict[str, Any]:
    columns = [str(c) for c in value.columns]
    return {"rows": len(value), "columns": len(columns), "column_names": columns[:COLUMNS]}


def _write_table(value: Any, path: str) -> str:
    """Write a table of pandas or Polars as Parquet, or as CSV where the step cannot write Parquet."""
    if hasattr(value, "write_parquet"):
        value.write_parquet(path)
        return "parquet"
    try:
        value.to_parquet(path)
        return "parquet"
    except Exception:  # no `pyarrow`, or columns that Parquet does not have
        value.to_csv(path)
        return "csv"


def _model(value: Any) -> dict[str, Any]:
    kind = type(value)
    about = {"framework": kind.__module__.partition(".")[0], "class": "%s.%s" % (kind.__module__, kind.__qualname__)}
    parameters = value.get_params(deep=False) if hasattr(value, "get_params") else {}
    plain = {n: p for n, p in parameters.items() if isinstance(p, (bool, int, float, str)) and p == p}
    return {**about, **({"parameters": plain} if plain else {})}


def _write_model(value: Any, path: str) -> str:
    """Write a model as `pickle` does, which needs nothing of kfnb to be read."""
    import pickle

    content = pickle.dumps(value, protocol=5)
    with open(path, "wb") as file:
        file.write(content)
    return "pickle"
