"""The project as a newcomer meets it: the README's commands exist, and importing stays light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Collection
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


#: circles that stand until the modules in them are taken apart
OPEN_CIRCLES = (
    {f"kfnb.runtime.values.{m}" for m in ("class_pickling", "instance_pickling", "pickling", "value_store")},
    {"kfnb.runtime.cells.run_cells"}
    | {f"kfnb.runtime.magics.{m}" for m in ("cell_magics", "ipython_shell", "line_magics", "run_magic", "shell_commands")},
    {"kfnb.runtime.components.component_decorators", "kfnb.runtime.components.file_components"},
    {"kfnb.runtime.components.shell_steps", "kfnb.runtime.run_step"},
    {f"kfnb.pipeline.program.{m}" for m in ("component_calls", "expressions", "statements")}
    | {f"kfnb.pipeline.program.control_flow.{m}" for m in ("branch_conditions", "branches", "loops")},
    {"kfnb.engines.kfp.ir.dag_tasks", "kfnb.engines.kfp.ir.pipeline_ir"},
)  # fmt: skip


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and imports for types count too."""
    circles = circles_of(imports_between_modules())
    assert [sorted(c) for c in circles if not any(c <= known for known in OPEN_CIRCLES)] == []


def test_a_circle_of_imports_is_found() -> None:
    assert circles_of({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [{"b", "c"}]


def imports_between_modules() -> dict[str, set[str]]:
    """The modules of kfnb that each module of kfnb imports."""
    names = {}
    for path in (ROOT / "kfnb").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: imported_modules(name, path, names.keys()) for name, path in names.items()}


def imported_modules(name: str, path: Path, known: Collection[str]) -> set[str]:
    """The modules among ``known`` that a file imports anywhere."""
    package = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            found |= {f"{module}.{a.name}" if f"{module}.{a.name}" in known else module for a in node.names}
    return (found & set(known)) - {name}


def circles_of(imports: dict[str, set[str]]) -> list[set[str]]:
    """The largest groups of modules each of which imports, directly or through others, every other one."""

    def reachable(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            for module in imports[waiting.pop()] - found:
                found.add(module)
                waiting.append(module)
        return found

    after = {name: reachable(name) for name in imports}
    circles: list[set[str]] = []
    for name in sorted(imports):
        if name in after[name] and not any(name in c for c in circles):
            circles.append({other for other in after[name] if name in after[other]})
    return circles


@pytest.mark.parametrize("name", ["yarn.lock", ".yarnrc.yml", "package.json"])
def test_the_lab_extension_names_no_host_that_packages_come_from(name: str) -> None:
    text = (ROOT / "labextension" / name).read_text()
    assert "://" not in text
    assert "registry." not in text
    assert "npmRegistry" not in text
