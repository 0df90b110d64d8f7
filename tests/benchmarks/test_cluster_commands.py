"""What the commands that talk to a cluster cost this machine's processor, against what they cannot do without."""

from __future__ import annotations

import os
import resource
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.benchmarks.measure import PYTHON
from tests.cluster.kube_api import Cluster, kubeconfig, served
from tests.notebooks import cell, notebook, write
from tests.trusting import trust

NEEDED = "import click, requests, sqlite3, yaml"  #: what any such command must import


def processor_seconds(command: list[str], folder: Path) -> float:
    """The least that a command has cost in five runs."""

    def spent() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def once() -> float:
        before = spent()
        env = {**os.environ, "KFNB_HOME": str(folder / "home"), "PYTHONPYCACHEPREFIX": str(folder / "pyc")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        subprocess.run([PYTHON, *command], cwd=folder, env=env, check=True, capture_output=True)
        return spent() - before

    once()  # writes the bytecode
    return min(once() for _ in range(5))


@pytest.mark.parametrize(
    ("words", "bar"), [(["targets"], 4), (["run", "nb.ipynb", "--target", "t", "--detach"], 8)], ids=["targets", "run"]
)
def test_a_command_at_a_cluster(tmp_path: Path, words: list[str], bar: float) -> None:
    write(tmp_path, notebook(cell("a = 1", "step:one"), cell("print(a)", "step:two")), "nb.ipynb")
    with served(Cluster()) as server:
        config = kubeconfig(tmp_path, server)
        (tmp_path / "kfnb.toml").write_text(
            f'[targets.t]\nengine = "argo"\nkubeconfig = "{config}"\npackages = "none"\n'
        )
        trust(tmp_path, tmp_path / "home")
        measure = partial(processor_seconds, folder=tmp_path)
        least, spent = measure(["-c", NEEDED]), measure(["-m", "kfnb", *words])
    print(
        f"\nkfnb {words[0]}: {spent:.2f} s of the processor, {spent / least:.1f} times what it must import; wanted {bar}"
    )
    assert spent < bar * least
