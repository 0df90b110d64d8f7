"""What differs between runs: as data, as text, and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.comparison.code_differences import compare_code, line_changes
from kfnb.comparison.compare_runs import Comparison, compare, compare_recorded
from kfnb.comparison.compared_run import ComparedCell, ComparedOutput, ComparedRun, ComparedStep
from kfnb.comparison.comparison_text import comparison_lines
from tests.notebooks import cell
from tests.running import Here


def run(name: str, **fields: object) -> ComparedRun:
    plain = ComparedRun(name, "p", None, None, "succeeded", 1.0, 2.0, {}, {}, {}, (), {}, {}, {}, {})
    return replace(plain, **fields)  # type: ignore[arg-type]


def step(seconds: float | None = 1.0, state: str = "succeeded", **outputs: ComparedOutput) -> ComparedStep:
    return ComparedStep("train", state, seconds, outputs)


def differing(rows: tuple[object, ...]) -> dict[str, dict[str, object]]:
    return {row.name: row.values for row in rows if row.differs}  # type: ignore[attr-defined]


def test_what_one_run_lacks_differs_and_none_is_a_value() -> None:
    found = compare([run("a", parameters={"x": None, "y": 1}), run("b", parameters={"x": None})])
    assert [(r.name, r.values, r.differs) for r in found.parameters] == [
        ("x", {"a": None, "b": None}, False),
        ("y", {"a": 1}, True),
    ]


def test_true_is_not_one_and_the_order_of_keys_does_not_count() -> None:
    left = run("a", metrics={"flag": True, "box": {"p": 1, "q": 2}, "none": float("nan")})
    right = run("b", metrics={"flag": 1, "box": {"q": 2, "p": 1}, "none": float("nan")})
    assert list(differing(compare([left, right]).metrics)) == ["flag"]


@pytest.mark.parametrize(("other", "differs"), [(10.5, False), (11.5, True), (None, False)])
def test_durations_that_hardly_differ_are_the_same(other: float | None, differs: bool) -> None:
    found = compare([run("a", steps={"train": step(10.0)}), run("b", steps={"train": step(other)})])
    assert [r.differs for r in found.durations] == [differs]
    small = compare([run("a", steps={"train": step(0.1)}), run("b", steps={"train": step(0.25)})])
    assert not small.durations[0].differs


def test_outputs_that_look_alike_differ_by_what_is_stored() -> None:
    left, right = (step(model=ComparedOutput("<Model>", "Model", content)) for content in ("one", "two"))
    found = compare([run("a", steps={"train": left}), run("b", steps={"train": right})])
    assert differing(found.outputs) == {"train.model": {"a": "<Model>", "b": "<Model>"}}
    assert any("differ in what is not shown" in line for line in comparison_lines(found, False))


def test_a_run_whose_packages_are_unknown_does_not_count() -> None:
    known = [run(name, packages={"numpy": "1.0"}) for name in "ab"]
    found = compare([*known, run("c", packages=None)])
    assert not differing(found.packages)
    assert [r.has_packages for r in found.runs] == [True, True, False]
    assert list(comparison_lines(found, False))[-1] == "the record does not have the packages of 3"


def test_steps_that_kfnb_adds_are_shown_by_their_label() -> None:
    added = ComparedStep("if x > 1", "skipped", None, {})
    found = compare([run("a", steps={"when-x": added}), run("b")])
    assert [(r.name, r.label) for r in found.states] == [("when-x", "if x > 1")]


@pytest.mark.parametrize("count", [0, 1, 11])
def test_one_run_or_eleven_cannot_be_compared(count: int) -> None:
    with pytest.raises(ValueError, match=f"2 to 10 runs can be compared, not {count}"):
        compare([run(str(n)) for n in range(count)])


def cells(*sources: str, ids: str = "") -> list[ComparedCell]:
    return [ComparedCell(n, ids[n - 1 : n], source) for n, source in enumerate(sources, 1)]


def test_cells_are_matched_by_id_then_by_text_then_by_place() -> None:
    moved = compare_code({"a": cells("one", "two", ids="xy"), "b": cells("two", "new one", ids="yx")})
    assert [(r.numbers, r.differs) for r in moved] == [({"a": 1, "b": 2}, True), ({"a": 2, "b": 1}, False)]
    bare = compare_code({"a": cells("one", "two", "three"), "b": cells("zero", "one", "2", "three")})
    assert [r.numbers for r in bare] == [{"b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 3}, {"a": 3, "b": 4}]
    assert [r.differs for r in bare] == [True, False, True, False]


def test_a_change_is_shown_with_the_lines_around_it() -> None:
    old = "\n".join(f"line {n}" for n in range(20))
    changes = line_changes(old, old.replace("line 10", "line ten"))
    assert changes[0] == changes[-1] == ("…", "")
    assert [text for mark, text in changes if mark == "-"] == ["line 10"]
    assert [text for mark, text in changes if mark == "+"] == ["line ten"]
    assert [text for mark, text in changes if mark == " "] == [f"line {n}" for n in (7, 8, 9, 11, 12, 13)]


def test_a_third_version_of_a_cell_is_compared_to_the_first() -> None:
    (row,) = compare_code({"a": cells("x = 1"), "b": cells("x = 2"), "c": cells("x = 1"), "d": cells("x = 3")})
    assert [v.runs for v in row.versions] == [("a", "c"), ("b",), ("d",)]
    assert row.versions[2].changes == (("-", "x = 1"), ("+", "x = 3"))


@pytest.fixture
def two_runs(tmp_path: Path) -> tuple[Here, list[str]]:
    here = Here(tmp_path)
    marks = (cell("rate: float = 0.5", "parameters"), cell("a = [1, 2]", "step:load"))
    ids = [
        here.run(*marks, cell(code, "step:train", f"cpu:{n}"), cell("score = b", "metrics"), given={"rate": given})["run"]
        for n, (code, given) in enumerate((("b = sum(a) * rate", "0.5"), ("b = max(a) * rate", "0.25")), 1)
    ]  # fmt: skip
    return here, ids


def test_two_runs_on_this_machine(two_runs: tuple[Here, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    here, (one, two) = two_runs
    found: Comparison = compare_recorded(here.store, [one, two])
    assert differing(found.parameters) == {"rate": {one: 0.5, two: 0.25}}
    assert differing(found.metrics) == {"score": {one: 1.5, two: 0.5}}
    assert "load.a" not in differing(found.outputs) and differing(found.outputs)["train.b"] == {one: 1.5, two: 0.5}
    assert differing(found.settings) == {"train.cpu": {one: "1", two: "2"}}
    assert not differing(found.packages) and any(row.name == "pytest" for row in found.packages)
    assert [(r.steps, r.numbers, r.differs) for r in found.code if r.differs] == [(("train",), {one: 3, two: 3}, True)]

    monkeypatch.setenv("KFNB_HOME", str(here.store.home))
    as_text = CliRunner().invoke(cli, ["compare", one, two])
    assert as_text.exit_code == 0, as_text.output
    assert "rate  0.5  0.25" in as_text.output and "+ b = max(a) * rate" in as_text.output
    assert "pytest" not in as_text.output and "pytest" in CliRunner().invoke(cli, ["compare", one, two, "--all"]).output
    told = json.loads(CliRunner().invoke(cli, ["compare", one, two, "--json"]).output)
    assert [r["run"] for r in told["runs"]] == [one, two]
    refused = CliRunner().invoke(cli, ["compare", one])
    assert refused.exit_code == 2 and "2 to 10 runs can be compared, not 1" in refused.output
