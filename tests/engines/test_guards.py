"""Guards: try and finally at any depth, on the local engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.engine_interface import RunOptions
from kfnb.pipeline.model import (
    Branch,
    Code,
    Compare,
    Condition,
    Constant,
    Export,
    ExportRef,
    Guard,
    Input,
    ItemRef,
    Loop,
    Node,
    OutputRef,
    Pipeline,
    StatusRef,
    Step,
    Truth,
)
from tests.running import Here, states

BAD = "raise ValueError('no bread')"


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def step(name: str, source: str = "x = 1", **more: Any) -> Step:
    return Step(name, (Code(1, source),), **more)


def reads(name: str, maker: str) -> Step:
    return step(name, "print(x)", prepare=(Input("x", OutputRef(maker, "x")),))


def start(here: Here, *body: Node) -> str:
    return here.engine.submit(Pipeline("p", body=body), RunOptions(folder=str(here.tmp_path)))


def run(here: Here, *body: Node) -> dict[str, Any]:
    return here.finish(start(here, *body))


def test_inner_handlers_run_before_outer_ones_whatever_happened(here: Here) -> None:
    inner = Guard("in", (step("a", BAD),), (step("b"),))
    done = run(here, Guard("out", (inner,), (step("c"),)))
    assert (done["state"], states(done)) == ("failed", {"a": "failed", "b": "succeeded", "c": "succeeded"})
    assert done["steps"]["b"]["finished"] <= done["steps"]["c"]["started"]


def test_a_guard_in_a_branch_not_taken_is_skipped_with_its_handler(here: Here) -> None:
    test = Compare(Constant(1), ">", Constant(2))
    done = run(here, Condition("if", (Branch(test, (Guard("g", (step("a"),), (step("b"),)),)),)), step("c"))
    assert states(done) == {"a": "skipped", "b": "skipped", "c": "succeeded"}


def test_in_a_loop_each_iteration_has_its_handler(here: Here) -> None:
    handler = step("b", "print(i)", prepare=(Input("i", ItemRef("each")),))
    done = run(here, Loop("each", Constant([5, 6]), (Guard("g", (step("a"),), (handler,)),)))
    assert [here.log(done, f"b[{n}]") for n in (0, 1)] == ["5", "6"]


def test_a_guard_that_waits_for_a_failed_step_is_not_entered(here: Here) -> None:
    done = run(here, step("a", BAD, outputs=("x",)), Guard("g", (reads("b", "a"),), (step("c"),)))
    assert states(done) == {"a": "failed", "b": "omitted", "c": "omitted"}


def test_a_failing_handler_keeps_the_first_error_and_outer_handlers_run(here: Here) -> None:
    inner = Guard("in", (step("a", BAD),), (step("b", "raise KeyError('second')", outputs=("x",)), reads("late", "b")))
    done = run(here, Guard("out", (inner,), (step("c"),)))
    assert states(done) == {"a": "failed", "b": "failed", "late": "omitted", "c": "succeeded"}
    assert done["error"]["message"] == "no bread"


def test_a_handler_may_have_steps_and_conditions_and_knows_how_its_body_ended(here: Here) -> None:
    status = Input("status", StatusRef("g"))
    look = step("look", "print(status['state'], status['step'], status['message'])", prepare=(status,))
    asks = step("ask", "failed = status['state'] == 'failed'", prepare=(status,), exports=(Export("failed", "failed"),))
    mend = Condition("if", (Branch(Truth(ExportRef("ask", "failed")), (step("mend"),)),))
    done = run(here, Guard("g", (step("a", BAD),), (look, asks, mend)))
    assert here.log(done, "look") == "failed a no bread"
    assert (done["state"], done["steps"]["mend"]["state"]) == ("failed", "succeeded")
    good = run(here, Guard("g", (step("a"),), (look, asks, mend)))
    assert (good["state"], good["steps"]["mend"]["state"]) == ("succeeded", "skipped")


def test_cancelling_once_runs_the_handlers_inner_first(here: Here) -> None:
    inner = Guard("in", (step("a", "import time\nprint('up')\ntime.sleep(60)"),), (step("b"),))
    run_id = start(here, Guard("out", (inner, step("z", prepare=(Input("x", OutputRef("a", "x")),))), (step("c"),)))
    here.until(run_id, lambda s: s["steps"].get("a", {}).get("state") == "running")
    assert here.engine.cancel(run_id)
    done = here.finish(run_id)
    assert done["state"] == "cancelled"
    assert states(done) == {"a": "cancelled", "b": "succeeded", "z": "omitted", "c": "succeeded"}


def test_an_error_in_a_condition_counts_only_where_it_is_asked(here: Here) -> None:
    maker = step("a", "n = 0", exports=(Export("bad", "1 / n > 1", late=True), Export("n", "n")))
    inner = Condition("if-2", (Branch(Truth(ExportRef("a", "bad")), (step("b"),)),))
    asked = Compare(ExportRef("a", "n"), "==", Constant(0))
    done = run(here, maker, Condition("if", (Branch(asked, (inner,)),)))
    assert (done["state"], states(done)) == ("failed", {"a": "succeeded", "b": "failed"})
    assert "ZeroDivisionError" in done["error"]["message"]
    not_asked = Compare(ExportRef("a", "n"), "!=", Constant(0))
    done = run(here, maker, Condition("if", (Branch(not_asked, (inner,)),)))
    assert (done["state"], states(done)) == ("succeeded", {"a": "succeeded", "b": "skipped"})


def test_a_retry_runs_handlers_again(here: Here) -> None:
    done = run(here, Guard("g", (step("a"), step("bad", BAD)), (step("b"),)))
    assert done["state"] == "failed"
    here.engine.retry(done["run"])
    again = here.finish(done["run"])
    assert (again["steps"]["a"]["attempts"], again["steps"]["b"]["attempts"]) == (1, 2)
