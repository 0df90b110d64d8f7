"""The local engine, with real processes: order, failure, conditions, loops, retries, time, cancelling, nothing left behind."""

from __future__ import annotations

import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from kfnb.engines.engine_interface import RunOptions
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.runtime.pods.limited_time import KILL_AFTER
from tests.notebooks import cell
from tests.running import Here, pipeline_of, processes_with, states, wait_for


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


# -------------------------------------------------------------------- order and failure
def test_steps_that_need_nothing_of_each_other_run_at_the_same_time(here: Here) -> None:
    wait = "import time\ntime.sleep(0.5)"
    run = here.run(cell(wait, "step:a"), cell(wait, "step:b"), cell(wait, "step:c"))
    starts = [s["started"] for s in run["steps"].values()]
    ends = [s["finished"] for s in run["steps"].values()]
    assert max(starts) < min(ends)


def test_a_failing_step_starts_nothing_new_and_lets_the_running_ones_finish(here: Here) -> None:
    run = here.run(
        cell("import time\ntime.sleep(0.6)\nslow = 1", "step:slow"),
        cell("1 / 0", "step:bad"),
        cell("print(slow)", "step:after-slow"),
        cell("x = 1", "step:after-bad", "after:bad"),
    )
    assert states(run) == {"slow": "succeeded", "bad": "failed", "after-slow": "omitted", "after-bad": "omitted"}
    assert run["state"] == "failed"
    assert run["steps"]["after-bad"]["reason"] == "bad failed"
    assert (run["error"]["step"], run["error"]["cell"], run["error"]["line"]) == ("bad", 2, 1)


def test_the_rest_of_a_steps_cells_does_not_run_after_one_that_raises(here: Here) -> None:
    run = here.run(
        cell("print('one')", "step:a"), cell("raise ValueError('no')", "step:a"), cell("print('three')", "step:a")
    )
    assert "one" in here.log(run, "a")
    assert "three" not in here.log(run, "a")


# -------------------------------------------------------------------- conditions and merges
def test_a_step_behind_a_false_condition_is_skipped_and_so_is_its_reader(here: Here) -> None:
    run = here.run(
        cell("x = 1", "step:a"),
        cell("y = x", "step:b", "when:x > 5"),
        cell("print(y)", "step:c"),
        cell("print(x)", "step:d"),
    )
    assert states(run) == {"a": "succeeded", "b": "skipped", "c": "skipped", "d": "succeeded"}
    assert run["steps"]["b"]["reason"] == "`x > 5` was false: x = 1"
    assert "b" in run["steps"]["c"]["reason"]


@pytest.mark.parametrize(("coin", "value"), [("heads", "2"), ("tails", "3"), ("edge", "1")])
def test_a_name_rewritten_behind_conditions_merges_with_the_version_before(here: Here, coin: str, value: str) -> None:
    run = here.run(
        cell("coin = 'heads'", "parameters"),
        cell("v = 1", "step:first"),
        cell("v = 2", "step:heads", "when:coin == 'heads'"),
        cell("v = 3", "step:tails", "when:coin == 'tails'"),
        cell("print(v)", "step:last"),
        given={"coin": coin},
    )
    assert here.log(run, "last") == value


def test_a_condition_over_values_of_two_steps_is_evaluated_in_a_step_of_its_own(here: Here) -> None:
    run = here.run(
        cell("a = [1, 2]", "step:a"), cell("b = {1, 2}", "step:b"), cell("print('yes')", "step:c", "when:set(a) == b")
    )
    assert (states(run)["when-c"], states(run)["c"]) == ("succeeded", "succeeded")


def test_a_condition_on_a_value_that_json_cannot_hold_is_evaluated_where_it_is_made(here: Here) -> None:
    run = here.run(
        cell("rows = {1, 2, 3}", "step:a"), cell("print('yes')", "step:b", "when:len(rows) > 2 and 2 in rows")
    )
    assert states(run) == {"a": "succeeded", "b": "succeeded"}


def test_a_condition_that_cannot_be_compared_fails_in_clear_words(here: Here) -> None:
    run = here.run(cell("x = 'text'", "step:a"), cell("1", "step:b", "when:x > 5"))
    assert run["state"] == "failed"
    assert "`x > 5` cannot be evaluated" in run["error"]["message"]


# -------------------------------------------------------------------- loops
def test_a_loop_collects_its_results_in_order(here: Here) -> None:
    run = here.run(
        cell("xs = [3, 1, 2]", "step:a"),
        cell("import time\ntime.sleep(0.1 * x)\ny = x * 10", "step:lp", "foreach:x in xs"),
        cell("print(y)", "step:end"),
    )
    assert here.log(run, "end") == "[30, 10, 20]"
    assert list(run["steps"]["lp"]["iterations"]) == ["lp[0]", "lp[1]", "lp[2]"]


def test_a_loop_over_nothing_is_skipped_and_collects_an_empty_list(here: Here) -> None:
    run = here.run(cell("xs = []", "step:a"), cell("y = x", "step:lp", "foreach:x in xs"), cell("print(y)", "step:end"))
    assert states(run) == {"a": "succeeded", "lp": "skipped", "end": "succeeded"}
    assert run["steps"]["lp"]["reason"] == "the loop has no items"
    assert here.log(run, "end") == "[]"


def test_a_condition_on_the_item_leaves_the_skipped_ones_out(here: Here) -> None:
    run = here.run(cell("y = x * 10", "step:lp", "foreach:x in [1, 2, 3]", "when:x != 2"), cell("print(y)", "step:end"))
    assert here.log(run, "end") == "[10, 30]"
    assert run["steps"]["lp"]["iterations"]["lp[1]"]["state"] == "skipped"


def test_a_loop_over_objects_that_are_not_json(here: Here) -> None:
    run = here.run(
        cell(
            "class P:\n    def __init__(self, n):\n        self.n = n\nps = (P(n) for n in [1, 2])\nps = tuple(ps)",
            "step:a",
        ),
        cell("m = p.n + 1", "step:lp", "foreach:p in ps"),
        cell("print(m)", "step:end"),
    )
    assert here.log(run, "end") == "[2, 3]"


def test_a_loop_behind_a_false_condition_leaves_the_name_as_it_was(here: Here) -> None:
    run = here.run(
        cell("go = False", "parameters"), cell("y = 'before'", "step:a"),
        cell("y = x", "step:lp", "foreach:x in [1, 2]", "when:go"), cell("print(y)", "step:end"),
    )  # fmt: skip
    assert here.log(run, "end") == "before"


# -------------------------------------------------------------------- exit handler
def test_the_exit_handler_learns_what_failed(here: Here) -> None:
    run = here.run(
        cell("raise ValueError('no bread')", "step:bake"), cell("print(*kfnb_status.values())", "step:end", "exit")
    )
    assert here.log(run, "end").startswith(f"failed bake no bread {run['run']} notebook {{}} ")
    assert here.log(run, "end").endswith(" {'bake': 'failed'}")
    assert run["state"] == "failed"


def test_a_failing_exit_handler_fails_the_run_and_never_hides_the_first_error(here: Here) -> None:
    good = here.run(cell("x = 1", "step:a"), cell("1 / 0", "step:end", "exit"))
    assert (good["state"], good["error"]["step"]) == ("failed", "end")
    bad = here.run(cell("raise KeyError('first')", "step:a"), cell("1 / 0", "step:end", "exit"))
    assert (bad["error"]["step"], states(bad)["end"]) == ("a", "failed")


# -------------------------------------------------------------------- retry, timeout
def test_each_attempt_of_a_retried_step_has_its_own_log(here: Here) -> None:
    source = "import os\nn = len(os.listdir('.'))\nopen(f'try{n}', 'w').close()\nprint('number', n)\nassert os.path.exists('try2') or n > 3, n"
    (here.tmp_path / "w").mkdir()
    run = here.run(cell(source, "step:a", "retry:3"), folder=str(here.tmp_path / "w"))
    attempts = run["steps"]["a"]["attempts"]
    assert (run["state"], states(run)["a"]) == ("succeeded", "succeeded")
    assert attempts == 3
    assert [here.log(run, "a", n).split("\n")[0] for n in (1, 2, 3)] == ["number 0", "number 1", "number 2"]


def test_a_step_that_fails_every_attempt_fails_the_run(here: Here) -> None:
    run = here.run(cell("1 / 0", "step:a", "retry:1"))
    assert (run["state"], run["steps"]["a"]["attempts"]) == ("failed", 2)


def test_a_value_that_cannot_be_stored_is_not_retried(here: Here) -> None:
    run = here.run(
        cell("import threading\nlock = threading.Lock()", "step:a", "retry:2"), cell("print(lock)", "step:b")
    )
    assert run["steps"]["a"]["attempts"] == 1
    assert "lock" in run["error"]["message"]


def test_a_step_over_its_timeout_is_ended(here: Here) -> None:
    run = here.run(cell("import time\nprint('begun')\ntime.sleep(60)", "step:a", "timeout:0.5s"))
    assert run["error"]["kind"] == "timeout"
    assert "0.5 s" in run["error"]["message"]
    assert run["finished"] - run["started"] < 10


def test_a_step_that_ignores_sigterm_is_ended_all_the_same(here: Here) -> None:
    source = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"
    run = here.run(cell(source, "step:a", "timeout:0.3s"))
    assert run["error"]["kind"] == "timeout"


# -------------------------------------------------------------------- cancelling, and nothing left behind
def test_cancelling_ends_the_steps_and_runs_the_exit_handler(here: Here) -> None:
    marker = f"kfnb-{uuid.uuid4()}"
    source = f"import subprocess, time\nsubprocess.Popen(['sleep', '61.5', '{marker}'][:2], env={{'M': '{marker}'}})\nprint('up')\ntime.sleep(60)"
    run_id = here.start(
        cell(source, "step:a"),
        cell("x = 1", "step:b", "after:a"),
        cell("print(kfnb_status['state'])", "step:end", "exit"),
    )
    here.until(run_id, lambda s: s["steps"].get("a", {}).get("state") == "running")
    wait_for(lambda: bool(processes_with(marker)))
    assert here.engine.cancel(run_id)
    run = here.finish(run_id)
    assert run["state"] == "cancelled"
    assert states(run) == {"a": "cancelled", "b": "omitted", "end": "succeeded"}
    assert here.log(run, "end") == "cancelled"
    wait_for(lambda: not processes_with(marker))
    assert not here.engine.cancel(run_id)


def test_cancelling_twice_ends_at_once_without_the_exit_handler(here: Here) -> None:
    source = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    run_id = here.start(cell(source, "step:a"), cell("print('handler')", "step:end", "exit"))
    here.until(run_id, lambda s: s["steps"].get("a", {}).get("state") == "running")
    wait_for(lambda: "up" in here.log(here.store.summary(run_id), "a"))
    here.engine.cancel(run_id)
    here.engine.cancel(run_id)
    run = here.finish(run_id)
    assert run["state"] == "cancelled"
    assert states(run).get("end") in (None, "omitted")


@pytest.mark.parametrize("times", [1, 2])
def test_a_step_that_is_cancelled_while_it_begins_ends_at_once(here: Here, times: int) -> None:
    for _ in range(5):
        run_id = here.start(cell("import time\ntime.sleep(60)", "step:a"), cell("print('end')", "step:end", "exit"))
        here.until(run_id, lambda s: s["steps"].get("a", {}).get("state") == "running")
        for _ in range(times):
            here.engine.cancel(run_id)
        run = here.finish(run_id)
        assert states(run)["a"] == "cancelled"
        assert run["steps"]["a"]["finished"] - run["steps"]["a"]["started"] < KILL_AFTER


def test_what_a_step_leaves_running_ends_with_it(here: Here) -> None:
    marker = f"kfnb-{uuid.uuid4()}"
    detached = "subprocess.Popen(['sleep', '62.5'], env={**os.environ, 'M': MARK}, start_new_session=True)"
    source = f"import os, subprocess\nMARK = '{marker}'\nsubprocess.Popen(['sleep', '62.5'], env={{**os.environ, 'M': MARK}})\n{detached}\nprint('done')"
    run = here.run(cell(source, "step:a"), cell("print('next')", "step:b", "after:a"))
    assert run["state"] == "succeeded"
    assert run["finished"] - run["started"] < 10
    wait_for(lambda: not processes_with(marker))
    assert "left running" in str(run["steps"]["a"]["warnings"])


def test_a_step_that_forks_and_lingers_does_not_hold_the_run(here: Here) -> None:
    run = here.run(cell("import os, time\nif os.fork() == 0:\n    time.sleep(60)\nprint('parent')", "step:a"))
    assert (run["state"], run["finished"] - run["started"] < 10) == ("succeeded", True)


def test_a_step_whose_process_dies_says_how(here: Here) -> None:
    run = here.run(cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "step:a"))
    assert "SIGKILL" in run["error"]["message"]
    gone = here.run(cell("import os\nos._exit(3)", "step:a"))
    assert "status 3" in gone["error"]["message"]


# -------------------------------------------------------------------- a scheduler that dies
def test_a_run_whose_scheduler_was_killed_shows_as_interrupted_and_retry_finishes_it(here: Here) -> None:
    marker = here.tmp_path / "count"
    first = f"open({str(marker)!r}, 'a').write('x')\na = 1"
    flag = here.tmp_path / "go"
    second = f"import os, time\nprint('up', flush=True)\nwhile not os.path.exists({str(flag)!r}):\n    time.sleep(0.01)\nb = a + 1"
    run_id = here.start(cell(first, "step:one"), cell(second, "step:two"), cell("print(b)", "step:three"))
    here.until(run_id, lambda s: s["steps"].get("two", {}).get("state") == "running")
    pid = int((here.store.folder(run_id) / "scheduler.pid").read_text())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: here.store.summary(run_id)["state"] == "failed")
    broken = here.store.summary(run_id)
    assert broken["error"]["kind"] == "interrupted"
    assert states(broken) == {"one": "succeeded", "two": "failed"}
    flag.touch()
    here.engine.retry(run_id)
    run = here.finish(run_id)
    assert (run["state"], states(run)) == ("succeeded", {"one": "succeeded", "two": "succeeded", "three": "succeeded"})
    assert marker.read_text() == "x"
    assert here.log(run, "three") == "2"


def test_steps_end_when_their_scheduler_is_killed(here: Here) -> None:
    marker = f"kfnb-{uuid.uuid4()}"
    source = (
        f"import os, subprocess\nprint('up')\nsubprocess.run(['sleep', '63.5'], env={{**os.environ, 'M': '{marker}'}})"
    )
    run_id = here.start(cell(source, "step:a"))
    wait_for(lambda: bool(processes_with(marker)))
    os.kill(int((here.store.folder(run_id) / "scheduler.pid").read_text()), signal.SIGKILL)
    wait_for(lambda: not processes_with(marker))


# -------------------------------------------------------------------- retry from a step, parts of a pipeline, the cache
def test_retry_after_an_edit_runs_only_what_is_not_done(here: Here) -> None:
    counter = here.tmp_path / "count"
    one = cell(f"open({str(counter)!r}, 'a').write('1')\na = 1", "step:one")
    run_id = here.start(one, cell("b = a / 0", "step:two"), cell("print(b)", "step:three"))
    here.finish(run_id)

    here.engine.retry(run_id, pipeline=pipeline_of(one, cell("b = a / 2", "step:two"), cell("print(b)", "step:three")))
    run = here.finish(run_id)
    assert (run["state"], here.log(run, "three"), counter.read_text()) == ("succeeded", "0.5", "1")
    assert run["steps"]["two"]["attempts"] == 2


def test_retry_from_a_step_runs_it_and_all_after_it_again(here: Here) -> None:
    mark = "open('marks', 'a').write({!r})"
    cells = [
        cell(mark.format("1") + "\na = 1", "step:one"),
        cell(mark.format("2") + "\nb = a", "step:two"),
        cell(mark.format("3") + "\nb", "step:three"),
    ]
    run_id = here.start(*cells)
    here.finish(run_id)
    here.engine.retry(run_id, start="two")
    run = here.finish(run_id)
    assert run["state"] == "succeeded"
    assert (here.tmp_path / "marks").read_text() == "12323"


def test_one_step_alone_takes_the_values_of_the_newest_run(here: Here) -> None:
    cells = [
        cell("a = 1\nprint('ran')", "step:one"),
        cell("b = a + 1\nprint(b)", "step:two"),
        cell("print(b)", "step:three"),
    ]
    here.run(*cells)
    run = here.run(*cells, only="two")
    assert states(run) == {"one": "cached", "two": "succeeded", "three": "cached"} or states(run)["three"] == "omitted"
    assert here.log(run, "two") == "2"


def test_from_a_step_on_the_steps_before_are_taken_from_the_newest_run(here: Here) -> None:
    cells = [cell("a = 1", "step:one"), cell("b = a + 1", "step:two"), cell("print(b)", "step:three")]
    here.run(*cells)
    run = here.run(*cells, start="two")
    assert states(run) == {"one": "cached", "two": "succeeded", "three": "succeeded"}


def test_values_made_with_other_parameters_are_taken_only_when_they_may_be(here: Here) -> None:
    """Only what the taken values depend on matters, through the steps before them too; the newest run that fits is taken."""
    cells = [
        cell("depth = 1\nrate: float = 1\nlabel = 'a'", "parameters"),
        cell("base = depth", "step:load"),
        cell("model = base * 10", "step:fit"),
        cell("print(model, rate, label)", "step:show"),
    ]
    pipeline = pipeline_of(*cells)

    def problems(given: dict[str, str], **options: Any) -> list[str]:
        asked = RunOptions(bind(pipeline, given), notebook="here.ipynb", folder=str(here.tmp_path), **options)
        return [str(p) for p in here.engine.check(pipeline, asked)]

    first = here.run(*cells)
    assert problems({"rate": "2", "label": "b"}, start="show") == []
    (words,) = problems({"depth": "2"}, start="show")
    assert words.startswith(
        f"error KF512: the values of step `fit` are from run {first['run']}, which had depth=1; now there is depth=2"
    )
    assert problems({"depth": "2"}, only="load") == []
    (words,) = problems({"depth": "2"}, start="show", any_parameters=True)
    assert words.startswith("warning KF513")
    here.run(*cells, given={"depth": "2"})
    assert problems({"depth": "1"}, start="show") == problems({"depth": "2"}, start="show") == []
    assert here.log(here.run(*cells, start="show"), "show") == "10 1 a"


def test_an_exit_handler_of_a_part_runs(here: Here) -> None:
    cells = [cell("a = 1", "step:one"), cell("b = a + 1", "step:two"), cell("print(kfnb_status)", "step:end", "exit")]
    here.run(*cells)
    for part in ({"start": "two"}, {"only": "two"}):
        run = here.run(*cells, **part)
        assert states(run) == {"one": "cached", "two": "succeeded", "end": "succeeded"}


def test_what_several_runs_need_at_one_time_is_made_by_one_of_them(here: Here) -> None:
    cells = (
        cell("n: int = 1", "parameters"),
        cell("import os\nimport time\ntime.sleep(0.3)\nmaker = os.getpid()", "step:common"),
        cell("seen = (n, maker)", "step:own"),
        cell("import time\ntime.sleep(0.1)\nx = k", "step:twice", "foreach:k in [7, 7]", "cache:on"),
    )
    begun = [here.start(*cells, cache=True, given={"n": str(n)}) for n in range(3)]
    runs = [here.finish(run) for run in begun]
    assert sorted(states(r)["common"] for r in runs) == ["cached", "cached", "succeeded"]
    assert {states(r)["own"] for r in runs} == {"succeeded"}
    made = [here.store.value(r["run"], "own", "seen") for r in runs]
    assert [n for n, _ in made] == [0, 1, 2] and len({maker for _, maker in made}) == 1
    twice = [s["state"] for r in runs for s in r["steps"]["twice"]["iterations"].values()]
    assert sorted(twice) == ["cached"] * 5 + ["succeeded"]
    assert list((here.store.home / "making").iterdir()) == []


def test_who_waits_for_a_step_of_another_run_makes_it_when_that_run_fails_or_is_cancelled(here: Here) -> None:
    cells = (cell("import time\nprint('begun')\ntime.sleep(30 * (not k))\na = 1", "step:slow"),)
    first = here.start(cell("k = 0", "parameters"), *cells, cache=True)
    here.until(first, lambda s: states(s).get("slow") == "running")
    second = here.start(cell("k = 0", "parameters"), *cells, cache=True)
    here.until(second, lambda s: states(s).get("slow") == "pending")
    here.engine.cancel(first)
    assert here.finish(first)["state"] == "cancelled"
    here.until(second, lambda s: states(s)["slow"] == "running")
    here.engine.cancel(second)
    assert here.finish(second)["state"] == "cancelled"


def test_the_cache_is_used_when_asked_for_and_only_for_the_same_code_and_inputs(here: Here) -> None:
    cells = [cell("k = 1", "parameters"), cell("a = k * 2", "step:one"), cell("print(a)", "step:two")]
    here.run(*cells)
    assert states(here.run(*cells)) == {"one": "succeeded", "two": "succeeded"}
    assert states(here.run(*cells, cache=True)) == {"one": "cached", "two": "cached"}
    assert states(here.run(*cells, cache=True, given={"k": "2"})) == {"one": "succeeded", "two": "succeeded"}
    off = [cells[0], cell("a = k * 2", "step:one", "cache:off"), cells[2]]
    assert states(here.run(*off, cache=True))["one"] == "succeeded"


# -------------------------------------------------------------------- where steps run
def test_steps_run_in_the_notebooks_folder_and_isolated_ones_each_in_their_own(here: Here) -> None:
    cells = [
        cell("import os\nopen('mine.txt', 'w').close()\nprint(os.getcwd())", "step:a"),
        cell("import os\nprint(os.listdir('.'))", "step:b", "after:a"),
    ]
    assert here.log(here.run(*cells), "a") == str(here.tmp_path)
    assert here.log(here.run(*cells, isolated=True), "b") == "[]"


@pytest.mark.parametrize("spawn", [False, True])
def test_the_marks_environment_reaches_the_step_and_standard_input_is_empty(here: Here, spawn: bool) -> None:
    run = here.run(
        cell(
            "import os, sys\nprint(os.environ['GREETING'], repr(sys.stdin.read()), __name__)",
            "step:a",
            "env:GREETING=hi there",
        ),
        spawn=spawn,
    )
    assert here.log(run, "a") == "hi there '' __main__"


def test_unseeded_generators_differ_from_step_to_step(here: Here) -> None:
    source = "import random\nimport numpy as np\nprint(random.random(), np.random.rand())"
    run = here.run(cell(source, "step:a"), cell(source, "step:b"))
    assert here.log(run, "a").split()[0] != here.log(run, "b").split()[0]
    assert here.log(run, "a").split()[1] != here.log(run, "b").split()[1]


def test_a_missing_submodule_import_is_not_hidden_by_the_warm_parent(here: Here) -> None:
    run = here.run(cell("import xml\nprint(hasattr(xml, 'dom'))", "step:a"))
    assert here.log(run, "a") == "False"


def test_output_keeps_its_order_and_survives_odd_text(here: Here) -> None:
    source = "import sys, os\nprint('one')\nprint('two', file=sys.stderr)\nprint('drei ß 🎈')\nos.write(1, b'\\xff\\n')\nsys.stdout.write('no end');"
    run = here.run(cell(source, "step:a"))
    assert here.log(run, "a").split("\n") == ["one", "two", "drei ß 🎈", "\\xff", "no end"]


@pytest.mark.slow
def test_a_hundred_megabytes_of_log_are_kept(here: Here) -> None:
    run = here.run(
        cell("line = 'x' * 999\nfor i in range(100_000):\n    print(line)", "step:a"),
        cell("print('next')", "step:b", "after:a"),
    )
    assert run["state"] == "succeeded"
    assert sum(1 for _ in here.store.logs(run["run"], "a")) == 100_000


def test_the_python_of_the_steps_is_the_one_that_runs_kfnb(here: Here) -> None:
    assert here.log(here.run(cell("import sys\nprint(sys.executable)", "step:a"), spawn=True), "a") == sys.executable


def test_a_draw_that_could_not_be_foreseen_is_warned_of(here: Here) -> None:
    module = "import random\ndef draw():\n    return random.random()\n"
    (here.tmp_path / "hidden_draws.py").write_text(module)
    run = here.run(
        cell("import random\nrandom.seed(1)", "step:a"),
        cell("import random\nx = random.random()", "step:b"),
        cell("import random\nimport hidden_draws\ny = hidden_draws.draw()", "step:c"),
        cell("print(random.random())", "step:d"),
    )
    assert run["state"] == "succeeded"
    assert "drew from the global generator random" in str(run["steps"]["c"]["warnings"])


def test_a_steps_own_cell_may_record_metrics_too(here: Here) -> None:
    run = here.run(
        cell(
            "import math\nloss = 0.5\nrows = [1, 2]\nfor epoch in range(3):\n    last = epoch", "step:train", "metrics"
        ),
        cell("other = 7", "step:train"),
        cell("print(loss)", "step:use"),
    )
    assert run["state"] == "succeeded"
    assert run["metrics"] == {"loss": 0.5, "epoch": 2, "last": 2}


@pytest.mark.parametrize(("flag", "seen"), [("False", ["None 60"]), ("True", ["1 7"])])
def test_the_settings_of_a_step_count_only_if_it_has_run(flag: str, seen: list[str], here: Here) -> None:
    summary = here.run(
        cell(f"flag = {flag}", "parameters"),
        cell("import os\nimport pandas as pd\nos.environ['SET'] = '1'\npd.set_option('display.max_rows', 7)", "step:a", "when:flag"),
        cell("import os\nimport pandas as pd\nprint(os.environ.get('SET'), pd.get_option('display.max_rows'))", "step:b"),
    )  # fmt: skip
    assert [line.text for line in here.store.logs(summary["run"], "b")] == seen
