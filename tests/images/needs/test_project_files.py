"""Files of the project beside the notebook are constraints for what its steps install anyway."""

from __future__ import annotations

from pathlib import Path

import pytest

from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.explain_needs import explained_needs
from kfnb.images.needs.installed_packages import InstalledPackages
from kfnb.images.needs.project_files import constrained, project_versions
from kfnb.images.needs.step_packages import StepPackages, packages_of
from tests.images.needs.test_step_packages import package
from tests.notebooks import cell
from tests.running import pipeline_of

FILES = {
    "requirements.txt": "# tools\n--index-url https://elsewhere.example.org/simple\n-r more/base.txt\nframes[fast]>=1,<2  # why\nold; python_version < '3'\n",
    "more/base.txt": "numbers==1.5 \\\n    --hash=sha256:00\n-r ../../outside.txt\n",
    "pyproject.toml": "[project]\nname = 'x'\ndependencies = ['frames<9', 'learning~=1.1']\n",
    "environment.yml": "dependencies:\n  - python=3.11\n  - conda-forge::tables=3.9\n  - exact=1.2.3=py311_0\n  - pip:\n    - pages>2\n",
    "uv.lock": "[[package]]\nname = 'locked'\nversion = '4.0'\nsource = { registry = 'https://pypi.org/simple' }\n"
    "[[package]]\nname = 'x'\nversion = '0'\nsource = { editable = '.' }\n",
    "poetry.lock": "[[package]]\nname = 'Of_Poetry'\nversion = '2.1'\n[[package]]\nname = 'mirrored'\nversion = '3.0'\n[package.source]\n"
    "type = 'legacy'\n[[package]]\nname = 'y'\nversion = '0'\n[package.source]\ntype = 'git'\n",
    "Pipfile.lock": '{"default": {"of-pipenv": {"version": "==5.0", "extras": ["fast"], "markers": "python_version >= \'3.8\'"}, '
    '"old": {"version": "==1", "markers": "python_version < \'3\'"}, "z": {"git": "https://example.org/z"}}}',
}


def project(folder: Path, *names: str) -> None:
    for name in names or FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(FILES[name])
    (folder.parent / "outside.txt").write_text("outside==1\n")


def test_each_kind_of_file_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    project(folder)
    found = {n: (v.file, v.extras + v.specifier) for n, v in project_versions(folder, "3.11").items()}
    assert found == {
        "locked": ("uv.lock", "==4.0"), "numbers": ("requirements.txt", "==1.5"), "frames": ("requirements.txt", "[fast]<2,>=1"),
        "learning": ("pyproject.toml", "~=1.1"), "tables": ("environment.yml", "==3.9.*"), "exact": ("environment.yml", "==1.2.3.*"),
        "pages": ("environment.yml", ">2"), "of-poetry": ("poetry.lock", "==2.1"), "mirrored": ("poetry.lock", "==3.0"),
        "of-pipenv": ("Pipfile.lock", "[fast]==5.0"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("version", "specifier"),
    [
        ("'^1.2.3'", "<2,>=1.2.3"), ("'^0.2.3'", "<0.3,>=0.2.3"), ("'^0.0.3'", "<0.0.4,>=0.0.3"), ("'^0.0'", "<0.1,>=0.0"), ("'^0'", "<1,>=0"),
        ("'~1.2.3'", "<1.3,>=1.2.3"), ("'~1'", "<2,>=1"), ("'1.2.*'", "==1.2.*"), ("'1.2'", "==1.2"), ("'>=1.2, <3'", "<3,>=1.2"), ("'*'", ""),
        ("'~=1.2'", "~=1.2"), ("'^1.0 || ^2.0'", ""), ("{ version = '^2', extras = ['fast'] }", "[fast]<3,>=2"),
        ("[{ version = '1.0', python = '<3.8' }, { version = '2.0', python = '^3.8' }]", "==2.0"),
        ("{ version = '1.0', markers = \"python_version < '3.8'\" }", None), ("{ git = 'https://example.org/it' }", None),
    ],
)  # fmt: skip
def test_the_tables_of_poetry_are_read_with_their_groups(tmp_path: Path, version: str, specifier: str | None) -> None:
    for table in ("dependencies", "group.dev.dependencies", "dev-dependencies"):
        (tmp_path / "pyproject.toml").write_text(f"[tool.poetry.{table}]\npython = '^3.8'\nframes = {version}\n")
        found = {n: v.extras + v.specifier for n, v in project_versions(tmp_path, "3.11").items()}
        assert found == ({"frames": specifier} if specifier is not None else {})


@pytest.mark.parametrize(
    "name", ["requirements.txt", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile.lock", "environment.yml"]
)
@pytest.mark.parametrize(
    "text",
    [
        "[",
        "\x00",
        "dependencies: 3",
        "[[package]]\nx = 1",
        "[project]\ndependencies = [1]",
        "frames ==",
        "[tool]\npoetry = 1",
    ],
)
def test_a_file_that_cannot_be_read_asks_for_nothing(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert project_versions(tmp_path, "3.11").keys() <= {"frames"}


def needed(folder: Path, code: str) -> StepPackages:
    site = folder / "site"
    if not site.exists():
        package(site, "frames", "1.5", requires="numbers")
        package(site, "numbers", "2.0")
    found = packages_of(pipeline_of(cell(code, "step:one")), folder, InstalledPackages([str(site)]))["one"]
    return constrained(found, project_versions(folder, "3.11"))


def test_a_version_that_a_file_allows_stays_and_another_gives_way(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    project(folder, "requirements.txt", "more/base.txt")
    found = needed(folder, "import frames\nprint(frames)")
    assert found.requirements == {"frames": ("frames[fast]==1.5",)}
    assert sorted(found.constraints) == ["frames==1.5", "numbers==1.5"]
    assert found.files_of == {"frames": "requirements.txt: frames[fast]<2,>=1"}
    assert found.conflicts == {
        "numbers": "requirements.txt asks for numbers==1.5, and the notebook's environment has 2.0"
    }


def test_a_file_gives_a_version_to_what_the_environment_lacks(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("opencv-python>=4\nunused==1\n")
    found = needed(tmp_path, "import cv2, nowhere\nprint(cv2, nowhere)")
    assert found.requirements == {"cv2": ("opencv-python>=4",)} and found.left_out.keys() == {"nowhere"}


def test_a_conflict_is_told_once_and_not_where_a_mark_decides(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click<1\n")
    code = "import click\nprint(click)"
    for marks, codes in (((), ["KF732"]), (("package:click>=8",), [])):
        pipeline = pipeline_of(cell(code, "step:a", *marks), cell(code, "step:b", *marks))
        _, problems = compile_documents(pipeline, "argo", ClusterOptions(), tmp_path, {})
        assert [p.code for p in problems] == codes


def test_why_a_step_needs_a_package_names_the_import_the_mark_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("click<1\n")
    cells = (
        cell("import click\nrows = click", "step:load"),
        cell("import yaml\nprint(yaml, rows)", "step:say", "package:rich>=13"),
    )
    pipeline = pipeline_of(*cells)
    first, second = explained_needs(pipeline, tmp_path, "load"), explained_needs(pipeline, tmp_path, "say")
    assert first[0] == "  on a cluster it installs click<1"
    assert first[1].startswith("    click because of `import click` (requirements.txt asks for click<1, and")
    assert (
        "    rich because of the mark `package:rich>=13`" in second and "    pyyaml because of `import yaml`" in second
    )
    assert second[-1] == "  when a value of another step needs it, it also installs click<1"
