"""The wheel and the sdist: what is in them, how a package index shows them, and that they install where there is only Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import kfnb
from kfnb.runs.record.file_lock import holding

ROOT = Path(__file__).parents[2]
DATA = f"kfnb-{kfnb.__version__}.data/data"


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with both packages, made from this tree and the extension as it is built here; one for all processes of the tests."""
    here = tmp_path_factory.getbasetemp()
    folder = (here if worker_id == "master" else here.parent) / "dist"
    with holding(folder.with_name("making-dist"), patience=600):
        if not folder.exists():
            made = folder.with_name("dist-unfinished")
            env = {**os.environ, "SKIP_JUPYTER_BUILDER": "1"}
            build = subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(made)], cwd=ROOT, env=env, capture_output=True, text=True)  # fmt: skip
            assert build.returncode == 0, build.stderr
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    return next(dist.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(dist: Path) -> Path:
    return next(dist.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"kfnb-{kfnb.__version__}.dist-info/METADATA").decode())


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


# ---------------------------------------------------------------- contents
@pytest.mark.parametrize(
    "name",
    [
        "kfnb/py.typed",
        "kfnb/widgets/static/run.js",
        "kfnb/widgets/static/run.css",
        "kfnb/reports/template/kfnb/index.html.j2",
        "kfnb/server/openapi.yaml",
        "kfnb/runtime/__main__.py",
        f"{DATA}/etc/jupyter/jupyter_server_config.d/kfnb.json",
        f"{DATA}/share/jupyter/labextensions/kfnb/install.json",
        f"{DATA}/share/jupyter/labextensions/kfnb/package.json",
        f"{DATA}/share/jupyter/labextensions/kfnb/static/style.js",
    ],
)
def test_the_wheel_has_all_parts_of_kfnb(wheel: Path, name: str) -> None:
    assert name in names_in(wheel)


def test_the_wheel_has_every_module_and_nothing_of_the_tests(wheel: Path) -> None:
    packaged = {n for n in names_in(wheel) if n.endswith(".py")}
    assert packaged == {p.relative_to(ROOT).as_posix() for p in (ROOT / "kfnb").rglob("*.py")}


def test_the_wheel_has_the_extension_that_its_description_loads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        extension = json.loads(archive.read(f"{DATA}/share/jupyter/labextensions/kfnb/package.json"))
    entry = extension["jupyterlab"]["_build"]["load"]
    assert extension["version"] == kfnb.__version__
    assert f"{DATA}/share/jupyter/labextensions/kfnb/{entry}" in names_in(wheel)


def test_the_sdist_brings_the_built_extension_and_the_notebooks(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {n.partition("/")[2] for n in archive.getnames()}
    assert {"kfnb/labextension/package.json", "labextension/lab/src/index.ts", "notebooks/01-hello-world.ipynb", "LICENSE", "README.md", "CHANGELOG.md"} <= names  # fmt: skip
    assert not [n for n in names if n.startswith((".venv", "build/", "node_modules")) or "/node_modules/" in n]


# ---------------------------------------------------------------- metadata
def test_a_package_index_takes_both_and_renders_the_readme(dist: Path) -> None:
    files = [str(p) for p in dist.iterdir()]
    done = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_readme_of_the_package_leads_nowhere_that_only_the_repository_has(metadata: Message) -> None:
    text = str(metadata.get_payload())
    assert text.startswith("# kfnb")
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    assert targets and [t for t in targets if not t.startswith(("https://", "#"))] == []


def test_the_metadata_says_who_for_what_and_for_which_pythons(metadata: Message) -> None:
    classifiers = metadata.get_all("Classifier", [])
    versions = [
        c.rpartition(" ")[2] for c in classifiers if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", c)
    ]
    assert versions == ["3.10", "3.11", "3.12", "3.13", "3.14"]
    assert metadata["Author"] == "kfnb developers" and metadata["License-Expression"] == "Apache-2.0"
    urls = {u.partition(",")[0] for u in metadata.get_all("Project-URL", [])}
    assert urls >= {"Homepage", "Documentation", "Repository", "Changelog", "Issues"}


def test_installing_kfnb_brings_the_live_view_and_both_kinds_of_clusters(metadata: Message) -> None:
    required = {re.split(r"[^\w.-]", r)[0] for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r}
    assert required >= {"anywidget", "ipywidgets", "requests", "jupyter-server", "nbconvert"}


def test_the_release_files_name_this_version() -> None:
    assert f"\nversion: {kfnb.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n  version: {kfnb.__version__}\n" in (ROOT / "recipe" / "recipe.yaml").read_text()
    assert f"\n## [{kfnb.__version__}] - " in (ROOT / "CHANGELOG.md").read_text()


def test_the_conda_recipe_requires_what_the_wheel_requires(metadata: Message) -> None:
    yaml = pytest.importorskip("yaml")
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text())

    def split(text: str) -> tuple[str, frozenset[str]]:
        name, versions = re.fullmatch(r"([\w.-]+)\s*(.*)", text.partition(";")[0].strip()).groups()  # type: ignore[union-attr]
        return name.lower().replace("_", "-"), frozenset(versions.replace(" ", "").split(","))

    required = dict(split(r) for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r)
    in_recipe = dict(split(r) for r in recipe["requirements"]["run"])
    assert in_recipe.pop("python") == {f">={metadata['Requires-Python'].lstrip('>=')}"}
    assert in_recipe == required


# ---------------------------------------------------------------- installation
def pythons() -> list[str]:
    """The interpreters of supported versions on this machine, one for each version."""
    found = {}
    for minor in range(10, 15):
        name = f"python3.{minor}"
        candidates = [shutil.which(name), *Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/{name}")]
        for candidate in (str(c) for c in candidates if c):
            if minor not in found and subprocess.run([candidate, "-c", "import venv, ssl, sqlite3"], capture_output=True).returncode == 0:  # fmt: skip
                found[minor] = candidate
    return list(found.values())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The oldest Python and the newest; with ``--times``, all."""
    if "python" in metafunc.fixturenames:
        found = pythons()
        chosen = found if metafunc.config.getoption("--times") > 1 else [found[0], found[-1]]
        metafunc.parametrize("python", list(dict.fromkeys(chosen)), ids=lambda p: Path(p).name)


@pytest.mark.slow  # an environment and its packages for each version of Python
def test_the_wheel_installs_alone_and_runs_a_notebook(python: str, wheel: Path, tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env.update(KFNB_HOME=str(tmp_path / "home"))

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=1800)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", "--quiet", "--python", python, "venv")
    bin_ = tmp_path / "venv" / "bin"
    run(*uv, "pip", "install", "--quiet", "--python", str(bin_ / "python"), str(wheel))
    run(*uv, "pip", "check", "--python", str(bin_ / "python"))
    assert run(str(bin_ / "kfnb"), "--version").strip().endswith(kfnb.__version__)
    notebook = ROOT / "notebooks" / "03-add-numbers.ipynb"
    ran = json.loads(run(str(bin_ / "kfnb"), "run", str(notebook), "-p", "a=7", "-p", "b=8", "--json"))
    assert ran["state"] == "succeeded" and ran["steps"]["add-both"]["outputs"]["total"] == 26.0
    for engine in ("argo", "kfp"):
        assert "add-both" in run(str(bin_ / "kfnb"), "compile", str(notebook), "--engine", engine)


@pytest.mark.slow  # another environment: what pip does on a machine without Node
def test_the_sdist_installs_without_node(sdist: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    env = {**os.environ, "PATH": f"{tmp_path / 'venv' / 'bin'}:/usr/sbin:/sbin"}
    done = subprocess.run([sys.executable, "-m", "pip", "--python", str(tmp_path / "venv/bin/python"), "install", "--quiet", "--no-deps", str(sdist)], env=env, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "venv/share/jupyter/labextensions/kfnb/package.json").exists()
