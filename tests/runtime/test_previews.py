"""A value in few words, whatever the value is."""

from __future__ import annotations

import threading
import time
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest

from kfnb.runtime.light_json import NOT_JSON, to_json
from kfnb.runtime.values.value_previews import preview, type_name


class Refusing:
    """Everything that is asked of it raises."""

    def refuse(self, *_: object) -> object:
        raise RuntimeError

    __class__ = property(refuse)  # type: ignore[assignment]
    __bool__ = __eq__ = __len__ = __repr__ = __str__ = __iter__ = __getattr__ = refuse  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]
    shape = property(refuse)


class Waiting:
    def __repr__(self) -> str:
        threading.Event().wait()
        return ""


class Leaving:
    def __repr__(self) -> str:
        raise SystemExit


class Deep:
    def __repr__(self) -> str:
        return repr(self)


CYCLE: list[object] = []
CYCLE.append(CYCLE)
PREVIEWS = [
    (2**53, "9007199254740992"),
    (10**6000, "int of 19932 bits"),
    ("x" * 300, "x" * 200 + "…"),
    ([1, {"a": (2,)}, "b"], "[1, {'a': (2,)}, 'b']"),
    (list(range(30)), "list of 30"),
    ({"k": list(range(100_000))}, "{'k': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, …]}"),
    (CYCLE, "[[[[[…]]]]]"),
    (np.zeros((2, 3)), "float64 array (2, 3)"),
    (np.float64(0.5), 0.5),
    (pd.DataFrame({"a": [1, 2]}), "DataFrame 2 × 1"),
    (Deep(), "<Deep: repr raised RecursionError>"),
    (Leaving(), "<tests.Leaving>"),
    (Refusing(), "<tests.Refusing>"),
    ([Refusing()], "[<Refusing: repr raised RuntimeError>]"),
]


@pytest.mark.parametrize(("value", "words"), PREVIEWS, ids=range(len(PREVIEWS)))
def test_a_preview_is_short_and_never_fails(value: object, words: object) -> None:
    assert preview(value) == words


def test_a_preview_of_what_answers_everything_or_never_answers_comes_soon() -> None:
    started = time.monotonic()
    assert preview(MagicMock()).startswith("<MagicMock")
    assert preview(Waiting()) == "<tests.Waiting>"
    assert type_name(Waiting()) == "tests.Waiting"
    assert preview([0] * 10, 10**9) == "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"
    assert time.monotonic() - started < 5


def test_json_of_a_value_asks_nothing_of_it_but_its_numbers() -> None:
    assert to_json([np.zeros(2)]) is NOT_JSON and to_json([Refusing()]) is NOT_JSON and to_json(MagicMock()) is NOT_JSON
    assert to_json({"a": [np.float32(0.5), (1, None)]}) == {"a": [0.5, [1, None]]}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.zeros((1000, 3)), "float64 array (1000, 3)"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "DataFrame 2 × 2"),
        (pd.Series([1, 2]), "Series 2"),
    ],
)
def test_arrays_and_tables_are_told_however_busy_the_machine_is(
    monkeypatch: pytest.MonkeyPatch, value: object, told: str
) -> None:
    monkeypatch.setattr("kfnb.runtime.values.value_previews.PATIENCE", 0)
    assert preview(value) == told
