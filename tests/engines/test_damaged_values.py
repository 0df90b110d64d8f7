"""A stored value that is damaged or gone is never taken for what it was, and comes back when its step runs again."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.runs.record.lookup_by_name import LostValue
from kfnb.runtime.values.value_store import CHECKED, Store, is_checked
from tests.notebooks import cell
from tests.running import Here, states

LARGE = "import numpy as np\nlarge = np.arange(1_100_000.)\nsmall = np.arange(1_000.)"


def stored(here: Here) -> list[Path]:
    """The files of values, the largest first."""
    files = [p for p in here.store.values.rglob("*") if p.is_file() and p.suffix != CHECKED]
    return sorted(files, key=lambda p: -p.stat().st_size)


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_value_fails_its_reader_and_names_the_step_that_makes_it_again(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(
        cell(LARGE, "step:make"), cell("print(large.sum())", "step:read"), cell("print(small.sum())", "step:other")
    )["run"]
    large, *others = stored(here)
    size = large.stat().st_size
    assert is_checked(str(large)), "it was read once, and need not be read for it again"
    damage(large)
    advice = f"kfnb retry {run} --from make"
    with pytest.raises(LostValue, match=advice):
        here.store.value(run, "make", "large")
    here.engine.retry(run, "read")
    failed = here.finish(run)
    assert failed["error"]["step"] == "read" and failed["error"]["message"].endswith(advice)
    here.engine.retry(run, "make")
    assert here.finish(run)["state"] == "succeeded"
    assert here.store.value(run, "make", "large").sum() == 604_999_450_000.0
    assert not is_checked(str(large)) or large.stat().st_size == size
    for path in others:
        damage(path)
    with pytest.raises(LostValue, match=advice):
        here.store.value(run, "make", "small")
    here.engine.retry(run)
    again = here.finish(run)
    assert set(states(again).values()) == {"succeeded"} and again["steps"]["make"]["attempts"] == 3
    for path in stored(here):
        path.unlink()
    with pytest.raises(LostValue, match="is gone"):
        here.store.value(run, "make", "small")
    here.engine.retry(run)
    assert here.finish(run)["state"] == "succeeded" and here.store.value(run, "make", "small").sum() == 499_500.0


def test_a_file_in_the_place_of_another_is_replaced_when_the_same_is_stored(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    address = store.put(b"head", [])
    path = Path(store.path(address))
    for spoil in (lambda: path.write_bytes(b"x"), path.unlink, lambda: path.write_bytes(b"")):
        whole = path.read_bytes()
        spoil()
        assert not store.has(address)
        assert store.put(b"head", []) == address and path.read_bytes() == whole and store.has(address)
