"""A value is written to a file in the format of its ending, and other programs read the same from it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy
import pandas
import pyarrow
import pyarrow.parquet
import pytest
import safetensors.numpy

from kfnb.client.export_value import NotWritten, write_value

TABLE = pandas.DataFrame({"a": [1, 2], "b": ["é", "y"]})
ARRAYS = {"w": numpy.ones((2, 3), "f4"), "b": numpy.arange(6).reshape(2, 3).T}


def figure() -> Any:
    from matplotlib.figure import Figure

    found = Figure()
    found.subplots().plot([1, 2])
    return found


def model() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def made(value: Any) -> Any:
    """A value of a library that takes long to import is made when a test wants it."""
    return value() if value is figure or value is model else value


@pytest.mark.parametrize(
    ("value", "name", "read"),
    [
        (TABLE, "t.parquet", lambda p: pandas.read_parquet(p).equals(TABLE)),
        (TABLE, "t.csv", lambda p: pandas.read_csv(p, index_col=0).equals(TABLE)),
        (TABLE, "t.feather", lambda p: pandas.read_feather(p).equals(TABLE)),
        (TABLE["a"], "t.parquet", lambda p: pandas.read_parquet(p)["a"].tolist() == [1, 2]),
        (TABLE, "t.html", lambda p: "<table" in p.read_text()),
        (pyarrow.table({"x": [1]}), "t.parquet", lambda p: pyarrow.parquet.read_table(p).to_pydict() == {"x": [1]}),
        (pyarrow.table({"x": [1]}), "t.csv", lambda p: p.read_text() == '"x"\n1\n'),
        (ARRAYS["w"], "a.npy", lambda p: numpy.load(p).tolist() == ARRAYS["w"].tolist()),
        (ARRAYS, "a.npz", lambda p: numpy.load(p)["b"].tolist() == ARRAYS["b"].tolist()),
        (ARRAYS, "a.safetensors", lambda p: safetensors.numpy.load_file(p)["b"].tolist() == ARRAYS["b"].tolist()),
        ({"k": [1]}, "v.json", lambda p: json.loads(p.read_text()) == {"k": [1]}),
        ("é", "v.txt", lambda p: p.read_text("utf-8") == "é"),
        (model, "m.pkl", lambda p: isinstance(pickle.loads(p.read_bytes()), type(model()))),
        (figure, "f.png", lambda p: p.read_bytes()[1:4] == b"PNG"),
        (figure, "f.svg", lambda p: "<svg" in p.read_text()),
    ],
)  # fmt: skip
def test_other_programs_open_the_file(tmp_path: Path, value: Any, name: str, read: Any) -> None:
    write_value(made(value), tmp_path / name)
    assert read(tmp_path / name) and [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("value", "name", "words"),
    [
        (TABLE, "t.npy", r"a pandas.DataFrame cannot be written as .npy; it can be as .parquet, .csv, .feather, .arrow, .html, .pkl"),
        (ARRAYS["w"], "a.parquet", r"it can be as .npy, .pkl"),
        (model, "m.keras", r"cannot be written as .keras"),
        (numpy.array([{}]), "a.npy", "cannot be written as .npy: Object arrays"),
        (TABLE, "t", "written as .?; it can be as .parquet"),
        ({1}, "v.json", "write it to a .pkl file"),
        (lambda: 1, "f.pkl", "the notebook's own classes"),
    ],
)  # fmt: skip
def test_the_message_names_the_formats_that_fit(tmp_path: Path, value: Any, name: str, words: str) -> None:
    (tmp_path / name).write_text("before")
    with pytest.raises(NotWritten) as caught:
        write_value(made(value), tmp_path / name)
    assert words in str(caught.value)
    assert (tmp_path / name).read_text() == "before" and len(list(tmp_path.iterdir())) == 1
