"""The project as a newcomer meets it: the README's commands exist, and importing stays light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import kfnb

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("target", ["run", "lab", "test", "lint", "bench"])
def test_the_makefile_has_what_the_readme_says(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"make {target}" in (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()


def test_importing_kfnb_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import kfnb; print(sorted(m for m in set(sys.modules) - before if not m.startswith('kfnb')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("[]", "['__future__']")


def test_every_problem_is_documented_and_every_code_is_used() -> None:
    from kfnb.problems import KINDS

    source = "\n".join(p.read_text() for p in (ROOT / "kfnb").rglob("*.py") if p.name != "problems.py")
    assert [c for c in KINDS if f'"{c}"' not in source] == []
    assert all(k.doc and k.slug for k in KINDS.values())


def test_modules_stay_small() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in (ROOT / "kfnb").rglob("*.py")}
    assert {p: n for p, n in sizes.items() if n > 480} == {}


def test_both_halves_of_kfnb_have_one_version() -> None:
    assert json.loads((ROOT / "labextension" / "package.json").read_text())["version"] == kfnb.__version__
    assert f"'{kfnb.__version__}'" in (ROOT / "labextension" / "src" / "common" / "version.ts").read_text()


@pytest.mark.parametrize("name", ["yarn.lock", ".yarnrc.yml", "package.json"])
def test_the_lab_extension_names_no_host_that_packages_come_from(name: str) -> None:
    text = (ROOT / "labextension" / name).read_text()
    assert "://" not in text
    assert "registry." not in text
    assert "npmRegistry" not in text
