"""A step on this machine gets the packages that its marks name, in that version, and the others do not."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

from kfnb.runs.retention.prune_runs import prune_packages
from tests.notebooks import cell
from tests.running import Here, states

OTHER = "1.16.0" if version("six") != "1.16.0" else "1.15.0"
SHOW = "from importlib.metadata import version\nimport six\nprint(six.__version__, version('six'))"


def test_a_step_gets_the_version_of_its_mark_and_the_others_keep_theirs(tmp_path: Path) -> None:
    here = Here(tmp_path)
    cells = [
        cell(SHOW, "step:a", f"package:six=={OTHER}"),
        cell(SHOW, "step:b"),
        cell("import six\nx = 1", "step:c", "package:six"),
    ]
    first, second = here.run(*cells), here.run(*cells)
    own = version("six")
    assert first["state"] == "succeeded", first["error"]
    lines = here.log(first, "a").splitlines()
    assert (lines[0], lines[-1]) == (f"installing six=={OTHER}", f"{OTHER} {OTHER}")
    assert here.log(second, "a") == f"{OTHER} {OTHER}"
    assert (here.log(first, "b"), here.log(first, "c")) == (f"{own} {own}", "")


def test_a_shell_step_finds_the_packages_of_its_mark(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(cell("python -c 'import six; print(six.__version__)'", "step:a", "shell", f"package:six=={OTHER}"))
    assert here.log(run, "a").splitlines()[-1] == OTHER


def test_a_package_that_cannot_be_had_fails_its_step_and_says_so(tmp_path: Path) -> None:
    run = Here(tmp_path).run(cell("x = 1", "step:a", "package:six==99.0"))
    assert states(run) == {"a": "failed"}
    assert run["error"]["message"].startswith("six==99.0 cannot be installed")


def test_packages_that_no_step_has_used_for_long_are_pruned(tmp_path: Path) -> None:
    here = Here(tmp_path)
    run = here.run(cell(SHOW, "step:a", f"package:six=={OTHER}"))
    here.let_go(run["run"])
    (folder,) = (f for f in (here.store.home / "containers" / "packages").iterdir() if f.is_dir())
    assert prune_packages(here.store.home, 3600.0) == 0
    os.utime(folder, (0, 0))
    assert prune_packages(here.store.home, 3600.0) > 10_000
    assert list(folder.parent.iterdir()) == [], "nor is there a lock of what is gone"
