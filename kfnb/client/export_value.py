"""Writes a value to a file in a format that other programs open: the ending of the file's name says which.

Each format is written by the library that the value is of. The formats that packages register for their types come first.
"""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kfnb.problems import UserError
from kfnb.runtime.values.registered_formats import format_of, named_format
from kfnb.runtime.values.value_previews import type_name

Writer = Callable[[Any, Path], None]


class NotWritten(UserError, Exception):
    """A value cannot be written in a format; the message says in which it can."""


class _OtherFormat(Exception):
    """The format is not one for the value."""


def write_value(value: Any, path: Path, ending: str | None = None) -> None:
    """Write a value to ``path``. Raises `NotWritten`.

    Parameters
    ----------
    ending
        The format, such as ``parquet``; by default the ending of the path says it.
    """
    chosen = (ending or path.suffix).removeprefix(".").lower()
    registered = format_of(type(value))
    own = named_format(registered) if registered else None
    temporary = path.with_name(f".{path.stem}.new.{chosen}")  # libraries go by the ending
    try:
        if own is not None and chosen == getattr(own, "suffix", "").removeprefix("."):
            with open(temporary, "wb") as file:
                own.write(value, file)
        elif chosen in WRITERS:
            WRITERS[chosen](value, temporary)
        else:
            raise _OtherFormat
        temporary.replace(path)
    except _OtherFormat:
        raise NotWritten(_other_formats(value, chosen, own)) from None
    except ImportError as error:
        raise NotWritten(f"writing .{chosen} takes a package that this environment lacks: {error}") from None
    except NotWritten:
        raise
    except Exception as error:  # whatever the library of the value raises
        raise NotWritten(f"this {type_name(value)} cannot be written as .{chosen}: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)


def _other_formats(value: Any, chosen: str, own: Any) -> str:
    kinds = _kinds(value)
    fitting = [e for e in WRITERS if any(_fits(value, kind) for kind in KINDS.get(e, ()) or kinds)]
    fitting += [getattr(own, "suffix", "").removeprefix(".")] if own is not None else []
    return (
        f"a {type_name(value)} cannot be written as .{chosen or '?'}; it can be as "
        f"{', '.join(f'.{e}' for e in dict.fromkeys((*filter(None, fitting), 'pkl')))}"
    )


def _kinds(value: Any) -> set[str]:
    """The top-level modules and names of the classes of a value, such as ``pandas.DataFrame``."""
    return {f"{c.__module__.partition('.')[0]}.{c.__name__}" for c in type(value).__mro__}


def _fits(value: Any, kind: str) -> bool:
    return kind in _kinds(value) or (kind[0] == "." and hasattr(value, kind[1:]))


# -------------------------------------------------------------------- the formats
def _json(value: Any, path: Path) -> None:
    if hasattr(value, "save_model") and "xgboost" in type(value).__module__:
        value.save_model(str(path))
        return
    try:
        text = json.dumps(value)
    except TypeError as error:
        raise NotWritten(f"this value is not JSON ({error}); write it to a .pkl file") from None
    path.write_text(text, encoding="utf-8")


def _pickle(value: Any, path: Path) -> None:
    try:
        path.write_bytes(pickle.dumps(value, protocol=5))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise NotWritten(f"this value needs the notebook's own classes and cannot be written alone: {error}") from None


def _text(value: Any, path: Path) -> None:
    if isinstance(value, str):
        path.write_text(value, encoding="utf-8")
    elif hasattr(value, "booster_") or type(value).__module__.startswith("lightgbm"):
        getattr(value, "booster_", value).save_model(str(path))
    else:
        raise _OtherFormat


def _table(*methods: str) -> Writer:
    """A writer by a method of a DataFrame: that of pandas, or else that of Polars."""

    def write(value: Any, path: Path) -> None:
        kinds = _kinds(value)
        if "pandas.Series" in kinds:
            value = value.to_frame(value.name if value.name is not None else "value")
        elif "polars.Series" in kinds:
            value = value.to_frame()
        elif "pyarrow.Table" in kinds:
            _arrow_table(value, path)
            return
        method = next((m for m in methods if hasattr(value, m)), None)
        if method is None:
            raise _OtherFormat
        getattr(value, method)(path)

    return write


def _arrow_table(value: Any, path: Path) -> None:
    import importlib

    if path.suffix == ".parquet":
        importlib.import_module("pyarrow.parquet").write_table(value, path)
    elif path.suffix == ".csv":
        importlib.import_module("pyarrow.csv").write_csv(value, path)
    else:
        importlib.import_module("pyarrow.feather").write_feather(value, path)


def _array(value: Any, path: Path) -> None:
    import numpy

    if not {"numpy.ndarray", "numpy.generic", "torch.Tensor", "tensorflow.Tensor", "jaxlib.ArrayImpl"} & _kinds(value):
        raise _OtherFormat
    numpy.save(path, value.detach().cpu().numpy() if hasattr(value, "detach") else value, allow_pickle=False)


def _arrays(value: Any, path: Path) -> None:
    import numpy

    if not isinstance(value, dict) or not value:
        raise _OtherFormat
    numpy.savez(path, allow_pickle=False, **{str(name): array for name, array in value.items()})


def _tensors(value: Any, path: Path) -> None:
    """A dictionary of tensors or arrays, or the parameters of a module of PyTorch."""
    import importlib

    tensors = value.state_dict() if hasattr(value, "state_dict") else value
    if not isinstance(tensors, dict) or not tensors:
        raise _OtherFormat
    of_torch = all("torch.Tensor" in _kinds(t) for t in tensors.values())
    writer = importlib.import_module("safetensors.torch" if of_torch else "safetensors.numpy")
    contiguous = {str(n): t.contiguous() if of_torch else _contiguous(t) for n, t in tensors.items()}
    writer.save_file(contiguous, str(path))


def _contiguous(array: Any) -> Any:
    import numpy

    if "numpy.ndarray" not in _kinds(array):
        raise _OtherFormat
    return numpy.ascontiguousarray(array)


def _by(*methods: str) -> Writer:
    """A writer by the first of some methods that a value has, which take a path."""

    def write(value: Any, path: Path) -> None:
        method = next((m for m in methods if hasattr(value, m)), None)
        if method is None:
            raise _OtherFormat
        getattr(value, method)(str(path))

    return write


def _html(value: Any, path: Path) -> None:
    method = getattr(value, "_repr_html_", None)
    text = method() if callable(method) and not isinstance(value, type) else None
    if hasattr(value, "write_html"):
        value.write_html(str(path))
    elif isinstance(text, str):
        path.write_text(text, encoding="utf-8")
    else:
        raise _OtherFormat


def _png(value: Any, path: Path) -> None:
    if "PIL.Image" in _kinds(value):
        value.save(path)
    else:
        _by("savefig", "write_image")(value, path)


def _keras(value: Any, path: Path) -> None:
    if not any(c.__module__.partition(".")[0] in ("keras", "tensorflow") for c in type(value).__mro__):
        raise _OtherFormat
    value.save(str(path))


_TABLES = ("pandas.DataFrame", "pandas.Series", "polars.DataFrame", "polars.Series", "pyarrow.Table")
WRITERS: dict[str, Writer] = {
    "json": _json, "parquet": _table("to_parquet", "write_parquet"), "csv": _table("to_csv", "write_csv"),
    "feather": _table("to_feather", "write_ipc"), "arrow": _table("to_feather", "write_ipc"), "npy": _array, "npz": _arrays,
    "safetensors": _tensors, "keras": _keras, "ubj": _by("save_model"), "cbm": _by("save_model"), "txt": _text, "html": _html,
    "png": _png, "svg": _by("savefig", "write_image"), "pdf": _by("savefig", "write_image"),
    "pkl": _pickle, "pickle": _pickle,
}  # fmt: skip
#: Which values a format is for, by class or by an attribute. It is what a message proposes.
KINDS: dict[str, tuple[str, ...]] = {
    "json": ("builtins.dict", "builtins.list", "builtins.str", "builtins.int", "builtins.float", "builtins.bool", "xgboost.XGBModel", "xgboost.Booster"),
    "parquet": _TABLES, "csv": _TABLES, "feather": _TABLES, "arrow": _TABLES, "npy": ("numpy.ndarray", "torch.Tensor"),
    "npz": ("builtins.dict",), "safetensors": ("builtins.dict", "torch.Module"), "keras": ("keras.Model", "tensorflow.Model"),
    "ubj": ("xgboost.XGBModel", "xgboost.Booster"), "cbm": ("catboost.CatBoost",), "txt": ("builtins.str", "lightgbm.Booster", "lightgbm.LGBMModel"),
    "html": ("._repr_html_", ".write_html"), "png": (".savefig", ".write_image", "PIL.Image"), "svg": (".savefig", ".write_image"),
    "pdf": (".savefig", ".write_image"), "pkl": (), "pickle": (),
}  # fmt: skip
