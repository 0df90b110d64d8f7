"""The project as a newcomer meets it: the README's commands exist, and importing stays light."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import click
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


#: what a command that only reads a notebook must not wait for
HEAVY = (
    "asyncio", "ssl", "socket", "sqlite3", "subprocess", "rich", "requests", "jupytext", "nbformat", "yaml", "kubernetes", "IPython", "tornado",
    "kfnb.client", "kfnb.engines", "kfnb.kernel", "kfnb.kernel_notebook", "kfnb.reports", "kfnb.runs", "kfnb.server", "kfnb.sweeps", "kfnb.widgets",
    "kfnb.pipeline.program", "kfnb.pipeline.export",
)  # fmt: skip


@pytest.mark.parametrize("command", [["--help"], ["--version"], ["show"], ["check"], ["run", "--help"]])
def test_a_command_imports_only_what_it_needs(tmp_path: Path, command: list[str]) -> None:
    if command in (["show"], ["check"]):
        notebook = tmp_path / "train.ipynb"
        cells = ["rows = [1, 2]", "total = sum(rows)", "model = total * 2", "print(model)"]
        code_cells = [
            {"cell_type": "code", "metadata": {"tags": [f"step:s{n}"]}, "source": c, "outputs": [], "execution_count": None}
            for n, c in enumerate(cells)
        ]  # fmt: skip
        notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": code_cells}))
        command = [*command, str(notebook)]
    code = (
        "import atexit, sys\nfrom kfnb.cli import main\n"
        f"sys.argv = ['kfnb', *{command!r}]\n"
        f"atexit.register(lambda: print('heavy:', [m for m in {HEAVY!r} if m in sys.modules]))\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "heavy: []"), done.stderr


def test_a_text_notebook_is_read_without_grammars_of_addresses(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text('# %% tags=["step:one"]\nprint(1)\n')
    code = (
        "import atexit, sys\nfrom kfnb.cli import main\nsys.argv = ['kfnb', 'check', 'train.py']\n"
        "atexit.register(lambda: print([m in sys.modules for m in ('jsonschema', 'lark')]))\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.splitlines()[-1] == "[True, False]", done.stdout + done.stderr


def test_the_list_of_commands_says_what_each_command_says() -> None:
    from kfnb.cli import COMMANDS, load_command

    for name, entry in COMMANDS.items():
        command = load_command(name)
        assert command is not None and command.name == name
        assert command.get_short_help_str(1000) == click.Command(name, help=entry.help).get_short_help_str(1000)
    known = {f.stem for f in (ROOT / "kfnb" / "cli" / "commands").glob("*.py")} - {"__init__"}
    assert {entry.module for entry in COMMANDS.values()} == known


def test_every_problem_is_documented_and_every_code_is_used() -> None:
    from kfnb.problems import KINDS

    source = "\n".join(p.read_text() for p in (ROOT / "kfnb").rglob("*.py") if p.name != "problems.py")
    assert [c for c in KINDS if f'"{c}"' not in source] == []
    assert all(k.doc and k.slug for k in KINDS.values())


def test_modules_stay_small() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in (ROOT / "kfnb").rglob("*.py")}
    assert {p: n for p, n in sizes.items() if n > 400} == {}


def test_both_halves_of_kfnb_have_one_version() -> None:
    packages = [ROOT / "labextension" / folder / "package.json" for folder in (".", "core", "lab", "widget")]
    assert {json.loads(package.read_text())["version"] for package in packages} == {kfnb.__version__}
    assert f"'{kfnb.__version__}'" in (ROOT / "labextension" / "lab" / "src" / "common" / "version.ts").read_text()


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports inside functions and imports for types count too."""
    circles = circles_of(imports_between_modules())
    assert [sorted(c) for c in circles] == []


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


def test_the_pages_in_the_browser_have_the_states_marks_and_durations_of_python() -> None:
    spec = importlib.util.spec_from_file_location("generator", ROOT / "tools" / "generate_browser_code.py")
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert [path.name for path, text in generator.files().items() if path.read_text("utf-8") != text] == []


@pytest.mark.parametrize(
    "name", ["yarn.lock", ".yarnrc.yml", "package.json", "core/package.json", "lab/package.json", "widget/package.json"]
)
def test_the_lab_extension_names_no_host_that_packages_come_from(name: str) -> None:
    text = (ROOT / "labextension" / name).read_text()
    assert "://" not in text
    assert "registry." not in text
    assert "npmRegistry" not in text
