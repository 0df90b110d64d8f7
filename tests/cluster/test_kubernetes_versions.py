"""The Argo engine with other generations of the `kubernetes` package, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = "broken or cancel or deleted or stands_in_the_way or not_there or taken_up or evicted"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["30.1", "35.0"])
def test_another_generation_of_the_client(version: str) -> None:
    folder = ROOT / ".venv" / f"kubernetes-{version}"
    assert folder.exists(), f"make .venv/kubernetes-{version}/made"
    code = f"import kubernetes; assert kubernetes.__version__.startswith('{version}'); import pytest, sys; sys.exit(pytest.main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "tests/cluster/test_argo_engine.py", "-k", TESTS],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
