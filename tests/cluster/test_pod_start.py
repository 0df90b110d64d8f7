"""How a step begins in its pod: what it loads before the first line of a cell."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.cluster.pod_process import PodProcess
from tests.notebooks import cell
from tests.running import pipeline_of

#: Modules of Python whose import takes a step a good part of its start.
HEAVY = {"argparse", "base64", "contextlib", "inspect", "json", "pathlib", "random", "re", "shutil", "tempfile", "typing", "weakref", "zipfile"}  # fmt: skip


def test_a_light_step_loads_no_module_that_it_does_not_need(tmp_path: Path) -> None:
    pipeline = pipeline_of(cell("x = [1, 2.5, 'text']", "step:one"), cell("print(x)", "step:two"))
    pod = PodProcess(pipeline, "one", tmp_path)
    command = pod.command("-I", "-S", "-X", "importtime")
    done = subprocess.run(command, env=pod.environment(), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and '"x"' in done.stdout, done.stdout + done.stderr
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "kfnb.runtime.run_step" in loaded
    assert loaded & HEAVY == set()
    assert {m for m in loaded if m.startswith("kfnb.runtime.values.") and "pickling" in m} == set()


def test_nothing_is_compiled_into_files_that_the_pod_throws_away(tmp_path: Path) -> None:
    pod = PodProcess(pipeline_of(cell("print(1)", "step:one")), "one", tmp_path)
    subprocess.run(pod.command(), env=pod.environment(), cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert list(tmp_path.rglob("kfnb/runtime/run_step.py")) and not list(tmp_path.rglob("__pycache__"))
