"""The plot of a sweep: what kind of panel each grid gets, where its points stand, and what is written beside them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest

from kfnb.sweeps.parameter_grid import Grid
from kfnb.sweeps.plot.plot_axes import axis
from kfnb.sweeps.plot.sweep_html import fragment, page
from kfnb.sweeps.plot.sweep_plot import plot
from kfnb.sweeps.sweep_results import Goal, Results, Row


def results(
    values: dict[str, list[Any]],
    metric: Callable[..., float | None],
    goal: Goal | None = None,
    count: int | None = None,
) -> Results:
    grid = Grid({n: tuple(v) for n, v in values.items()})
    rows = []
    for number, given in enumerate(grid.combinations(count), 1):
        found = metric(**given)
        state, metrics = ("failed", {}) if found is None else ("succeeded", {"score": found})
        rows.append(Row(number, given, state, f"run-{number}", metrics, 1.0))
    return Results("train", "mine", "local", grid.swept, goal, tuple(rows))


def classes(picture: str, name: str) -> int:
    return sum(name in (e.get("class") or "").split() for e in ET.fromstring(picture).iter())


def words(picture: str) -> list[str]:
    found = ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")
    return ["".join(t for t in e.itertext() if t != e.findtext("{*}title")) for e in found]


def test_one_parameter_of_numbers_is_a_line_logarithmic_where_the_values_span_decades() -> None:
    picture = plot(results({"lr": [0.001, 0.01, 0.1]}, lambda lr: lr, Goal("score", True)))
    assert classes(picture, "series") == 1 and classes(picture, "dot") == 3 and classes(picture, "best") == 1
    assert {"lr (log scale)", "0.001", "0.01", "0.1"} <= set(words(picture))
    places = [float(x) for x in re.findall(r'<circle class="dot[^>]*cx="([\d.]+)"', picture)]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    plain = words(plot(results({"lr": [0.1, 0.5, 1.0]}, lambda lr: lr)))
    assert "lr" in plain and "lr (log scale)" not in plain


def test_two_parameters_are_lines_or_where_these_were_many_a_heat_map() -> None:
    few = plot(results({"lr": [1, 2, 3, 4], "name": ["a", "b"]}, lambda lr, name: lr + len(name)))
    assert classes(few, "series") == 2 and {"name", "a", "b"} <= set(words(few))
    goal = Goal("score", False)
    many = plot(
        results({"lr": [*range(7)], "depth": [*range(8)]}, lambda lr, depth: lr * depth + 1 if depth else None, goal)
    )
    assert classes(many, "cell") == 7 * 7 and classes(many, "none") == 7 and words(many).count("✗") == 7
    assert classes(many, "best") == 1
    texts = plot(results({"opt": ["x", "y"], "act": ["p", "q"]}, lambda opt, act: 1.5))
    assert classes(texts, "cell") == 4 and classes(texts, "best") == 0


def test_more_parameters_or_a_thin_sample_are_dots_against_each() -> None:
    three = plot(results({"a": [1, 2], "b": [1, 2], "c": ["x", "y"]}, lambda a, b, c: a + b))
    assert classes(three, "dot") == 3 * 8 and classes(three, "series") == 0
    thin = plot(results({"a": [*range(10)], "b": [*range(10)]}, lambda a, b: a + b, count=30))
    assert classes(thin, "dot") == 2 * 30 and classes(thin, "cell") == 0


def test_values_that_are_no_numbers_or_not_finite_are_in_no_plot_and_never_best() -> None:
    values = {1: float("nan"), 2: float("inf"), 3: 0.5, 4: True}
    found = results({"a": [1, 2, 3, 4]}, lambda a: values[a], Goal("score", True))
    assert classes(plot(found), "dot") == 1 and found.best(Goal("score", True))[0].number == 3
    none = results({"a": [1, 2]}, lambda a: None, Goal("score", True))
    assert "no run that succeeded left a number" in words(plot(none))
    assert none.verdict() == ["no run that succeeded left a number for score"]
    assert "<svg" not in page(none) and "<img" not in fragment(none)


def test_equal_bests_are_told_and_columns_never_hide_each_other() -> None:
    found = results({"run": [1, 2, 3]}, lambda run: min(run, 2), Goal("score", True))
    assert found.verdict() == ["best: score = 2 with run=2, run run-2 (1 more is equal)"]
    assert [r["parameter.run"] for r in found.table()] == [2, 3, 1] and found.table()[0]["run"] == "run-2"
    clash = Results("p", "e", "local", ("a",), None, (Row(1, {"a": 1}, "succeeded", "r", {"a": 5, "state": "x"}, 1.0),))
    assert clash.table() == [
        {"a": 1, "metric.a": 5, "metric.state": "x", "state": "succeeded", "duration": 1.0, "run": "r"}
    ]


def test_names_and_values_are_text_in_pictures_and_pages() -> None:
    found = results({"a<b>": ["<script>", "&"]}, lambda **given: 1.0 + len(given["a<b>"]), Goal("score", True))
    assert "<script>" not in plot(found) + page(found) + fragment(found)
    assert "<script>" in words(plot(found)) and "a<b>" in words(plot(found))


@pytest.mark.parametrize(
    ("values", "ticks", "log"),
    [
        ([1, 10, 100], ["1", "10", "100"], True),
        ([0, 1, 2], ["0", "1", "2"], False),
        ([5, 5], ["5"], False),
        (["b", "a", True], ["b", "a", "true"], False),
        ([-1, 1000], ["-1", "1000"], False),
        (list(range(101)), ["0", "20", "40", "60", "80", "100"], False),
        ([10.0**n for n in range(-9, 1)], ["1e-09", "1e-07", "1e-05", "0.001", "0.1"], True),
    ],
)
def test_ticks_are_the_values_themselves_or_round(values: list[Any], ticks: list[str], log: bool) -> None:
    found = axis("x", values, 6)
    assert ([word for _, word in found.ticks], found.log) == (ticks, log)
    assert all(0 <= found.at(v) <= 1 for v in values)
