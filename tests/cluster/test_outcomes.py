"""Every pipeline has the same outcome on the local engine, in the interpreter of Argo's Workflows and in `kfp.local`."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kfnb.engines.cluster.lowering.jobs_and_blocks import distinct_jobs
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.engines.cluster.submission.reused_steps import reusable_outputs
from kfnb.engines.kfp.ir import pipeline_ir
from kfnb.images.needs.step_requirements import StepRequirements
from kfnb.notebook import notebook_from_json, read_notebook
from kfnb.pipeline.build.build_pipeline import build
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from tests.cluster.argo import Pods, pods
from tests.cluster.outcome import Oracle, Outcome, by_step, differences, locally, on_argo, on_kfp
from tests.cluster.test_kfp_nodes import GREETINGS, STATUS_OF_EACH
from tests.differential.programs import program as notebook_program
from tests.notebooks import cell
from tests.program.cells import read
from tests.program.programs import COMPONENTS
from tests.program.programs import program as cell_program
from tests.running import pipeline_of

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/**/*.ipynb"))
FORCED = {
    "force": ("heads", "tails"), "force_number": (3, 9, 12, 17), "coin": ("heads", "tails"), "number": (3, 9, 12, 17),
}  # fmt: skip
#: What each step of the machine-learning notebook would take three seconds to import, in the pods of both clusters.
LIBRARIES = (
    "pandas",
    "sklearn.datasets",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "sklearn.neighbors",
)
LARGEST = 10  #: steps of a generated pipeline: engines take their time with each


def compared(pipeline: Pipeline, cluster: Pods, oracle: Oracle, given: dict[str, Any], which: str = "") -> Outcome:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        theirs = locally(pipeline, Path(folder), given)
        assert not differences(on_argo(pipeline, cluster, given), theirs), f"{which} on Argo"
        mine = on_kfp(pipeline, oracle, given, Path(folder) / "kfp")
        assert not differences(by_step(mine, pipeline), by_step(theirs, pipeline)), f"{which} in kfp.local"
    return theirs


def cases(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Every branch of the notebooks that toss a coin; else the defaults."""
    defaults = bind(pipeline, {})
    coins = [n for n in ("force", "coin") if n in defaults]
    numbers = [n for n in ("force_number", "number") if n in defaults]
    if not coins or not numbers:
        return [defaults]
    return [{**defaults, coins[0]: c, numbers[0]: n} for c in FORCED[coins[0]] for n in FORCED[numbers[0]]]


KEPT = """
class Job:
    count = 0
    def __init__(self): Job.count += 1
"""


def test_state_of_classes_and_loggers_reaches_later_pods(cluster: Pods, tmp_path: Path) -> None:
    setting = "import logging\nJob()\nlogging.getLogger('app').setLevel(17)"
    shown = "import logging\nprint(Job.count, logging.getLogger('app').level)"
    cells = [cell(KEPT, "functions"), cell(setting, "step:a", "when:1 > 0"), cell(f"Job()\n{shown}", "step:b")]
    pipeline = pipeline_of(*cells)
    here, there = locally(pipeline, tmp_path, {}), on_argo(pipeline, cluster, {})
    assert here.texts["b"] == there.texts["b"].strip() == "2 17"


def test_on_a_cluster_a_failure_stops_what_comes_after_it_and_nothing_else(cluster: Pods) -> None:
    """Whatever takes how long: a step that waits only for order, or for one of two branches, does not run either when its way there is broken."""
    cells = [
        cell("a = 1 / 0", "step:train"),
        cell("b = a", "step:validate"),
        cell("print('deployed')", "step:deploy", "after:validate"),
        cell("c = 1", "step:beside"),
        cell("print('checked', c)", "step:check"),
        cell("d = c", "step:branch", "when:c > 5"),
        cell("print('after a branch')", "step:last", "after:branch"),
        cell("e = a", "step:lost", "when:a > 5"),
        cell("print('after a lost branch')", "step:never", "after:lost"),
    ]
    states = on_argo(pipeline_of(*cells), cluster, {}).states
    assert states == {
        "train": "failed", "validate": "omitted", "deploy": "omitted", "beside": "succeeded", "check": "succeeded", "branch": "skipped",
        "last": "succeeded", "lost": "omitted", "never": "omitted",
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_notebook_has_the_same_outcome_on_every_engine(
    path: Path, cluster: Pods, oracle: Oracle, tmp_path: Path
) -> None:
    if "machine-learning" not in path.name:
        have_one_outcome(path, cluster, oracle, tmp_path)
        return
    with pods(*LIBRARIES) as warm_cluster, closing(Oracle(*LIBRARIES)) as warm_oracle:
        have_one_outcome(path, warm_cluster, warm_oracle, tmp_path)


def have_one_outcome(path: Path, cluster: Pods, oracle: Oracle, tmp_path: Path) -> None:
    pipeline = build(read_notebook(path)).pipeline
    assert pipeline is not None
    for given in cases(pipeline):
        compared(pipeline, cluster, oracle, {n: placed(path, v, tmp_path) for n, v in given.items()})


def placed(notebook: Path, value: Any, folder: Path) -> Any:
    """A parameter's value with the path of a copy of the file beside the notebook: `test_travelling.py` tests how files reach a pod.

    The copy has no newline at its end. `kfp.local` keeps that of a command's output, and the other engines leave it out.
    """
    if not isinstance(value, str) or "data/" not in value:
        return value
    scheme, _, name = value.rpartition("data/")
    (folder / name).write_text((notebook.parent / "data" / name).read_text().rstrip("\n"))
    return f"{scheme}{folder}/{name}"


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_a_generated_pipeline_cell_has_the_same_outcome_on_every_engine(
    block: int, cluster: Pods, oracle: Oracle, times: int
) -> None:
    number, judged = block * 1000, 0
    while judged < 4 * times:
        number += 1
        pipeline = read(cell_program(Random(number), fails=number % 2 == 1), before=COMPONENTS).pipeline
        if pipeline is not None and len(list(pipeline.steps())) <= LARGEST:
            judged += 1
            compared(pipeline, cluster, oracle, bind(pipeline, {}), f"seed {number}")


@pytest.mark.slow
@pytest.mark.parametrize("block", range(2))
def test_a_generated_notebook_has_the_same_outcome_on_every_engine(
    block: int, cluster: Pods, oracle: Oracle, times: int
) -> None:
    for number in range(block * 1000, block * 1000 + 5 * times):
        _, data = notebook_program(Random(number), marks=True)
        pipeline = build(notebook_from_json(data)).pipeline
        if pipeline is not None:
            compared(pipeline, cluster, oracle, bind(pipeline, {}), f"seed {number}")


def test_what_steps_left_is_imported_into_a_later_run(oracle: Oracle, tmp_path: Path) -> None:
    """As `kfnb retry` does on Kubeflow Pipelines when the code has changed."""
    cells = [
        cell("words = ['a', 'b']\nlimit = 3\nbig = list(range(1000))\nprint('made')", "step:make"),
        cell("import math\nside = len(words) + limit\nprint('side')", "step:side"),
        cell("%%component each --foreach 'w in words'\nrow = w * limit"),
        cell("print('large', sum(big))", "step:large", "when:limit > 2"),
        cell("print('small')", "step:small", "when:limit <= 2"),
    ]
    broken = pipeline_of(*cells, cell("print(row, side / 0)", "step:last"))
    first = on_kfp(broken, oracle, {}, tmp_path / "first")
    assert first.state == "failed" and first.states["each[1]"] == "succeeded"
    mended = pipeline_of(*cells, cell("print(row, side / 1)", "step:last"))
    old, new = (pipeline_ir.compile_ir(p, ClusterOptions(), StepRequirements()) for p in (broken, mended))
    reused = reusable_outputs(first.handed_on, distinct_jobs(old.task_jobs), new.outermost, mended, None)
    assert set(reused) >= {"make", "side"}
    second = on_kfp(mended, oracle, {}, tmp_path / "second", reused)
    assert second.state == "succeeded", second.detail
    assert second.texts["last"] == "['aaa', 'bbb'] 5.0" and second.texts["large"] == "large 499500"
    assert "make" not in second.texts and second.states["small"] == "skipped"


def test_steps_that_begin_with_nothing_are_not_run_again_however_many(oracle: Oracle, tmp_path: Path) -> None:
    """Where they are many, a step that is none of the pipeline's brings them the runtime."""
    firsts = [cell(f"print('made')\na{n} = {n}", f"step:first{n}") for n in range(5)]
    total = cell("print(a0 + a1 + a2 + a3 + a4 + b)", "step:total")
    broken = pipeline_of(*firsts, cell("b = (a0 + a1 + a2 + a3 + a4) / 0", "step:last"), total)
    mended = pipeline_of(*firsts, cell("b = (a0 + a1 + a2 + a3 + a4) / 10", "step:last"), total)
    first = on_kfp(broken, oracle, {}, tmp_path / "first")
    old, new = (pipeline_ir.compile_ir(p, ClusterOptions(), StepRequirements()) for p in (broken, mended))
    reused = reusable_outputs(first.handed_on, distinct_jobs(old.task_jobs), new.outermost, mended, None)
    assert set(reused) == {f"first{n}" for n in range(5)}
    second = on_kfp(mended, oracle, {}, tmp_path / "second", reused)
    assert second.state == "succeeded", second.detail
    assert second.texts["total"] == "11.0" and not set(reused) & set(second.texts)


def test_a_handler_in_a_loop_has_the_same_outcome_on_every_engine(cluster: Pods, oracle: Oracle) -> None:
    theirs = compared(pipeline_of(GREETINGS, cell(STATUS_OF_EACH)), cluster, oracle, {})
    assert theirs.texts["say-2[1]"] == "hello succeeded"
    assert theirs.texts["say-3"] == "['hello ada', 'hello bob']"
