"""Generated pipeline cells do the same as plain Python and on the local engine: the same calls with the same values."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from kfnb.engines.engine_interface import RunOptions
from kfnb.engines.local import LocalEngine
from kfnb.pipeline.model import Pipeline
from kfnb.pipeline.parameters.bind_values import bind
from kfnb.pipeline.program.run_as_plain_python import run_plain
from tests.program.cells import read
from tests.program.programs import COMPONENTS, program
from tests.running import Here
from tests.warm_launch import warm_launch

EXAMPLES = 10  #: for each of the four blocks


def calls_of(text: str) -> Counter[str]:
    return Counter(line for line in text.split("\n") if line.startswith("CALL"))


def _anyhow(calls: Counter[str]) -> Counter[str]:
    """Calls without what depends on when the failure came."""
    found: Counter[str] = Counter()
    for call, count in calls.items():
        if call.startswith("CALL handle"):
            call = call.rpartition(" ")[0]
        found[call.replace("CALL fail", "CALL combine")] += count
    return found


def as_python(body: str, pipeline: Pipeline) -> tuple[Counter[str], str | None]:
    """The calls that plain Python makes, and the error it ends with."""
    names: dict[str, Any] = {"__name__": "__main__"}
    out = io.StringIO()
    error = None
    with contextlib.redirect_stdout(out):
        exec(COMPONENTS, names)
        try:
            run_plain(body, bind(pipeline, {}), names)
        except RuntimeError as caught:
            error = str(caught)
    return calls_of(out.getvalue()), error


def on_the_engine(pipeline: Pipeline, folder: Path) -> tuple[Counter[str], str | None, str]:
    here = Here(folder)
    engine = LocalEngine(here.store, warm_launch)
    run = here.finish(engine.submit(pipeline, RunOptions(parameters=bind(pipeline, {}), folder=str(folder))))
    text = "\n".join(
        line.text
        for s in here.store.steps(run["run"])
        if s["attempts"]
        for line in here.store.logs(run["run"], s["path"])
    )
    here.store.close()
    return calls_of(text), run["error"]["message"] if run["error"] else None, text


@pytest.mark.slow
@pytest.mark.parametrize("block", range(4))
def test_a_generated_pipeline_does_what_plain_python_does(block: int, times: int) -> None:
    @seed(block)
    @settings(max_examples=EXAMPLES * times, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def check(random: Random) -> None:
        body = program(random, fails=block % 2 == 1)
        built = read(body, before=COMPONENTS)
        assert built.pipeline is not None, body + "\n" + "\n".join(str(p) for p in built.problems)
        theirs, their_error = as_python(body, built.pipeline)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            mine, error, text = on_the_engine(built.pipeline, Path(folder))
        assert error == their_error, f"{body}\n{text}"
        if error is None:
            assert mine == theirs, f"{body}\nmissing {theirs - mine}\nmore {mine - theirs}\n{text}"
            return
        # steps that do not depend on the failure may or may not have run beside it; with these values if they did
        whole, _ = as_python(body.replace("fail(", "combine("), built.pipeline)
        more = _anyhow(mine) - _anyhow(whole)
        handlers = Counter({c: n for c, n in theirs.items() if c.startswith("CALL handle") and c.endswith("'failed'")})
        assert not more and not handlers - mine, f"{body}\nmore {more}\nhandlers {handlers - mine}\n{text}"

    check()
