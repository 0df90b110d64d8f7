"""The figures that kfnb promises; `make bench` prints them."""

from __future__ import annotations

import ast
import functools
import json
import os
import statistics
import sys
from pathlib import Path

import numpy as np
import pytest

import kfnb.runtime
from kfnb.notebook import notebook_from_json
from kfnb.pipeline.build.build_pipeline import build
from tests.benchmarks.measure import PYTHON, process, report, rivals, seconds, side_by_side
from tests.notebooks import cell, notebook, write
from tests.running import Here

RUNTIME = str(Path(kfnb.runtime.__file__).with_name("__main__.py"))


def linear(count: int) -> dict:
    """A notebook of ``count`` steps that both kfnb and Kale read."""
    cells = [
        cell("import json\nimport math", "imports"),
        cell("def f(x):\n    return math.sqrt(x + 1)", "functions"),
        cell("v0 = 1.0", "step:step0"),
    ]
    for n in range(1, count):
        cells.append(cell(f"v{n} = f(v{n - 1}) + {n}\nprint(json.dumps(v{n}))", f"step:step{n}", f"prev:step{n - 1}"))
    kale = {
        "kubeflow_notebook": {"pipeline_name": "bench", "experiment": {"id": "", "name": "x"}, "experiment_name": "x"}
    }
    return notebook(*cells, metadata=kale)


@pytest.mark.parametrize(("count", "bar"), [(4, "8 times faster"), (20, ""), (200, "25 times faster")])
def test_show_against_kale(count: int, bar: str, tmp_path: Path) -> None:
    path = write(tmp_path, linear(count))
    mine = process(PYTHON, "-m", "kfnb", "show", str(path))
    python = rivals()
    if python is None:
        pytest.skip("Kale cannot be installed here")
    kale = process(str(python.with_name("kale")), "--nb", str(path), cwd=str(tmp_path))
    first, other = side_by_side(mine, kale, 5 if count < 100 else 3)
    report(f"kfnb show against kale --nb, {count} steps", first, other, bar)


def test_import_against_nothing() -> None:
    mine, bare = side_by_side(process(PYTHON, "-c", "import kfnb"), process(PYTHON, "-c", "pass"), 25)
    report("import kfnb against python -c pass", mine, bare, "at most 40 ms more")


PLAIN = (
    "df{n} = pd.read_csv('data{n}.csv')\ndf{n} = df{n}.dropna()\ndf{n}.head()",
    "def clean{n}(frame, low=0):\n    frame = frame[frame['a'] > low]\n    return frame.assign(b=np.log(frame['a']))",
    "df{n}['c'] = df{n}['a'] * rate\nsmall{n} = clean{n}(df{n})\nprint(len(small{n}), small{n}['b'].mean())",
    "fig, ax = plt.subplots()\nax.plot(small{n}['a'], small{n}['b'])\nax.set_title(f'part {n}')\nplt.show()",
    "model{n} = LinearRegression()\nmodel{n}.fit(small{n}[['a']], small{n}['b'])\nscore{n} = model{n}.score(small{n}[['a']], small{n}['b'])",
    "scores = [s for s in [score{n}] if s > 0]\nif scores:\n    best = max(scores)\nelse:\n    best = None\nprint(best)",
)


def test_the_plan_of_a_notebook_of_30_cells() -> None:
    head = "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt\nfrom sklearn.linear_model import LinearRegression\nrate = 2"
    cells = [cell(head)]
    for n in range(5):
        kept = n * 6 + 2 if n else 2
        cells += [
            cell(text.replace("{n}", str(n)), *([] if text.startswith("def") else [f"step:s{kept + i}"]))
            for i, text in enumerate(PLAIN)
        ]
    read = notebook_from_json(notebook(*cells[:30]))
    assert build(read).pipeline is not None
    times = [seconds(lambda: build(read)) for _ in range(25)]
    parse = [seconds(lambda: [ast.parse(c.source) for c in read.cells]) for _ in range(25)]
    report(
        "the plan of 30 ordinary cells in a warm process, against ast.parse of them",
        statistics.median(times),
        statistics.median(parse),
        "at most 5 ms",
    )


def test_a_trivial_step_against_a_bare_interpreter(tmp_path: Path) -> None:
    folder = tmp_path / "step"
    spec = {
        "kfnb": 1,
        "step": "a",
        "prepare": [],
        "cells": [{"cell": 1, "source": "x = 1"}],
        "outputs": [],
        "results": [],
        "exports": [],
        "store": str(tmp_path / "store"),
        "folder": str(folder),
        "cwd": str(tmp_path),
    }
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec))
    mine, bare = side_by_side(process(PYTHON, RUNTIME, str(path)), process(PYTHON, "-c", "pass"), 41)
    report("a spawned trivial step against python -c pass", mine, bare, "at most 1.5 times")


def test_a_warm_trivial_step(tmp_path: Path) -> None:
    here = Here(tmp_path)
    count = 60
    run = here.run(*(cell(f"x{n} = {n}", f"step:s{n}", *([f"after:s{n - 1}"] if n else [])) for n in range(count)))
    per_step = (run["finished"] - run["started"]) / count
    bare = statistics.median(seconds(process(PYTHON, "-c", "pass")) for _ in range(15))
    report(
        f"a warm trivial step, scheduling and recording included ({count} in a row), against python -c pass",
        per_step,
        bare,
        "at most 15 ms",
    )


def test_a_trivial_step_against_kfp_local(tmp_path: Path) -> None:
    python = rivals()
    if python is None:
        pytest.skip("kfp cannot be installed here")
    script = tmp_path / "theirs.py"
    script.write_text(
        "import time\nfrom kfp import dsl, local\nlocal.init(local.SubprocessRunner(use_venv=False))\n"
        "@dsl.component\ndef one() -> int:\n    return 1\n"
        "start = time.perf_counter()\none()\nprint('TIME', time.perf_counter() - start)\n"
    )
    import subprocess

    done = subprocess.run([str(python), str(script)], capture_output=True, text=True, cwd=tmp_path)
    times = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("TIME")]
    if not times:
        pytest.skip(f"kfp.local did not run: {done.stderr[-300:]}")
    here = Here(tmp_path)
    run = here.run(*(cell(f"x{n} = 1", f"step:s{n}", *([f"after:s{n - 1}"] if n else [])) for n in range(20)))
    report("a trivial step against kfp.local", (run["finished"] - run["started"]) / 20, times[0], "")


def test_three_branches_of_two_seconds(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(*(cell("import time\ntime.sleep(2)", f"step:s{n}") for n in range(3)))
    report("three independent 2-second steps against 2 s", run["finished"] - run["started"], 2.0, "at most 2.4 s")


def test_a_gigabyte_array_against_a_plain_file(tmp_path: Path) -> None:
    """Writing and reading by the same process and disk, in turn; the page cache is warm for both."""
    from kfnb.runtime.step_outputs import store_outputs
    from kfnb.runtime.values.value_store import Store

    array = np.random.default_rng(0).random(134_217_728)
    plain_file = tmp_path / "plain.bin"
    writes: tuple[list[float], list[float]] = ([], [])
    for turn in range(3):
        array[0] = turn  # content-addressed: the same bytes would not be written again
        folder = tmp_path / f"store{turn}"
        result: dict = {}
        store = functools.partial(store_outputs, {"store": str(folder), "step": "a"}, {"a": array}, ["a"], [], result)

        def plain() -> None:
            with open(plain_file, "wb", buffering=0) as file:
                view = memoryview(array).cast("B")
                while view.nbytes:
                    view = view[file.write(view[: 1 << 26]) :]

        writes[0].append(seconds(store))
        plain_file.unlink(missing_ok=True)
        writes[1].append(seconds(plain))
        if turn < 2:
            import shutil

            shutil.rmtree(folder)
    report(
        "storing a 1 GB array against writing a plain file",
        statistics.median(writes[0]),
        statistics.median(writes[1]),
        "at most 1.5 times",
    )
    address = result["outputs"]["a"]["bundle"]
    read = seconds(lambda: Store(str(tmp_path / "store2")).load(address, "a"))
    mapped = seconds(lambda: np.memmap(plain_file, dtype=np.float64, mode="c"))
    report("its reader against np.memmap of the plain file", read, mapped, "at most 50 ms")


def test_a_run_of_one_trivial_step_as_the_user_sees_it(tmp_path: Path) -> None:
    path = write(tmp_path, notebook(cell("print('hi')", "step:a")))
    env = {**os.environ, "KFNB_HOME": str(tmp_path / "home")}
    mine, bare = side_by_side(
        process(PYTHON, "-m", "kfnb", "run", str(path), env=env), process(PYTHON, "-c", "pass"), 7
    )
    report("kfnb run of one trivial step, the whole command, against python -c pass", mine, bare, "")


def test_a_large_notebook_reads_and_plans(tmp_path: Path) -> None:
    data = notebook(*(cell(f"x{n} = {n}\nprint(x{n})", f"step:s{n}") for n in range(5000)))
    path = write(tmp_path, data)
    taken = seconds(process(PYTHON, "-m", "kfnb", "check", str(path)))
    print(f"\nkfnb check of 5,000 cells: {taken:.2f} s (Python {sys.version_info[0]}.{sys.version_info[1]})")


def test_a_pipeline_cell_of_1000_calls_is_read(tmp_path: Path) -> None:
    import ast
    import symtable

    from kfnb.notebook import notebook_from_json
    from kfnb.pipeline.build.build_pipeline import build
    from tests.program.cells import COMPONENTS

    body = "\n".join(["x0 = add(1, 2)", *(f"x{n} = add(x{n - 1}, {n})" for n in range(1, 1000))])
    read = notebook_from_json(notebook(cell(COMPONENTS), cell(f"%%pipeline p\n{body}")))

    def compiler() -> None:
        ast.parse(body)
        symtable.symtable(body, "cell", "exec")

    assert build(read).pipeline is not None
    mine, bare = side_by_side(lambda: build(read), compiler)
    report("a pipeline cell of 1,000 calls, built, against ast.parse and symtable", mine, bare, "under 8")


def test_the_ir_of_500_steps_against_the_sdk() -> None:
    """Bars: at most four tenths of the SDK's file, and a fifth of its time from its own form of the pipeline to the file."""
    import subprocess
    import tempfile

    from kfnb.engines.cluster.lowering.manifest_files import write as write_file
    from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
    from kfnb.engines.kfp.ir import pipeline_ir
    from kfnb.images.needs.step_requirements import StepRequirements
    from tests.program.cells import read

    sdk = Path(__file__).parents[2] / ".venv-kfp" / "bin" / "python"
    body = "x0 = add(0, 1)\n" + "\n".join(f"x{n} = add(x{n - 1}, 1)" for n in range(1, 500))
    pipeline = read(
        body, before="from kfnb import component\n@component\ndef add(a: float, b: float) -> float:\n    return a + b"
    ).pipeline
    assert pipeline is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.json"

        def ours() -> None:
            write_file([pipeline_ir.compile_ir(pipeline, ClusterOptions(), StepRequirements()).ir], path)

        mine, theirs, size = [], [], 0
        for _ in range(3):
            answer = subprocess.run(
                [str(sdk), "-W", "ignore", str(Path(__file__).with_name("sdk_chain.py")), "500"],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            traced, compiled, size = json.loads(answer.stdout.strip().split("\n")[-1])
            theirs.append(traced + compiled)
            mine.append(seconds(ours))
        report(
            "IR of 500 chained steps against the kfp SDK",
            statistics.median(mine),
            statistics.median(theirs),
            "at most 0.2",
        )
        print(f"{path.stat().st_size / 1024:.1f} KiB against {size / 1024:.1f} KiB; wanted at most 0.4 of it")
        assert path.stat().st_size <= 0.4 * size
    assert statistics.median(mine) <= statistics.median(theirs) / 5


def test_the_value_of_a_gigabyte_against_a_copy_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import kfnb

    monkeypatch.setenv("KFNB_HOME", str(tmp_path / "home"))
    path = write(
        tmp_path, notebook(cell("import numpy as np\na = np.ones(125_000_000)", "step:x"), cell("a.size", "step:y"))
    )
    run = kfnb.run(path).wait()
    found: list[np.ndarray] = []
    mine = seconds(lambda: found.append(run["x"]["a"]))  # the first time, when numpy's own part is read too
    report(
        'run["x"]["a"] of 1 GB against a copy', mine, seconds(lambda: found[0].copy()), "at most 50 ms, nothing copied"
    )
    before = resident()
    more = [run["x"]["a"] for _ in range(8)]
    assert (more[7][0], more[0].nbytes) == (1.0, 1_000_000_000) and resident() - before < 50_000_000


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
