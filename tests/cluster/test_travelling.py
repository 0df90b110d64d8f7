"""Which files leave the notebook's folder with its steps, and that the user is told before they do."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from kfnb.cli import cli
from kfnb.engines.cluster.lowering.checks.file_checks import check_files
from kfnb.engines.cluster.lowering.compile_for_cluster import compile_documents
from kfnb.engines.cluster.submission.cluster_options import ClusterOptions
from kfnb.images.needs.private_files import Privacy
from kfnb.images.needs.step_requirements import StepRequirements, find_requirements
from kfnb.notebook.notebook_source import source_of
from kfnb.pipeline.build.build_from_source import build_source
from tests.cluster.argo import Interpreter, Pods
from tests.notebooks import cell, notebook, write
from tests.running import Here, pipeline_of

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SECRET = "the-secret-of-this-machine"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A notebook's folder with files that may travel, and with some that may not."""
    outside, inside = tmp_path / "outside", tmp_path / "project"
    for path in (outside, inside / "data", inside / "pkg" / "generated", inside / ".ssh"):
        path.mkdir(parents=True)
    for name in ("id_rsa", "helper.py"):
        (outside / name).write_text(f"# {SECRET}\nvalue = 1\n")
    for name in (
        ".env",
        ".ssh/key",
        "data/.hidden",
        "data/private.csv",
        "private.csv",
        "cached.txt",
        "made.py",
        "pkg/generated/a.py",
        "server.pem",
        "data/id_ed25519",
        "data/Credentials.json",
    ):
        (inside / name).write_text(f"# {SECRET}\n")
    for name in ("id_rsa.pub", "monkey.csv", "secrets.py", "rows.csv", "data/public.csv", "data/kept.csv", "mine.py"):
        (inside / name).write_text("fine = 1\n")
    (inside / "pkg" / "__init__.py").write_text("from pkg import generated\n")
    (inside / ".gitignore").write_text("private.csv\n*.txt\ndata/*.csv\n!data/public.csv\nmade.py\ngenerated/\n")
    (inside / "data" / ".gitignore").write_text("!kept.csv\n")
    (inside / "link.csv").symlink_to(outside / "id_rsa")
    (inside / "linked").symlink_to(outside)
    (inside / "helper.py").symlink_to(outside / "helper.py")
    (inside / "near.csv").symlink_to("rows.csv")
    return inside


def found_in(folder: Path, *names: str, imports: str = "", marks: tuple[str, ...] = ()) -> StepRequirements:
    lines = "\n".join(f"open({n!r}).read()" for n in names)
    return find_requirements(pipeline_of(cell(f"{imports}\n{lines}", "step:one", *marks)), folder)


STAYS = {
    ".env": "hidden", "./.env": "hidden", ".ssh/key": "`.ssh` is hidden", "data/.hidden": "hidden", "private.csv": ".gitignore",
    "data/private.csv": ".gitignore", "cached.txt": ".gitignore", "link.csv": "is a link to", "linked/id_rsa": "is a link to",
    "server.pem": "keys or passwords", "data/id_ed25519": "keys or passwords", "data/Credentials.json": "keys or passwords",
}  # fmt: skip


@pytest.mark.parametrize("name", ["id_rsa.pub", "monkey.csv", "secrets.py"])
def test_a_name_that_only_looks_like_that_of_a_key_travels(folder: Path, name: str) -> None:
    assert found_in(folder, name).files["one"].keys() == {name}


@pytest.mark.parametrize("name", STAYS)
def test_what_is_private_stays_and_is_named(folder: Path, name: str) -> None:
    found = found_in(folder, name)
    assert found.files == {} and SECRET not in str(found)
    (problem,) = check_files(pipeline_of(cell("1", "step:one")), found)
    path = Path(name).as_posix()
    assert problem.code == "KF711" and f"`{path}`" in problem.message and STAYS[name] in problem.message
    assert f"file:{path}" in problem.hint


@pytest.mark.parametrize("name", ["rows.csv", "data/public.csv", "data/kept.csv", "near.csv", "./rows.csv"])
def test_what_is_not_private_travels(folder: Path, name: str) -> None:
    found = found_in(folder, name)
    assert list(found.files["one"]) == [Path(name).as_posix()] and found.private == {}


def test_modules_are_held_to_the_same(folder: Path) -> None:
    found = found_in(folder, imports="import mine, made, helper, pkg")
    assert set(found.files["one"]) == {"mine.py", "pkg/__init__.py"} and SECRET not in str(found.files)
    assert set(found.private["one"]) == {"made.py", "helper.py", "pkg/generated/a.py"}


@pytest.mark.parametrize("name", [".env", "private.csv", "link.csv", ".ssh/key"])
def test_a_mark_that_names_a_file_lets_it_travel(folder: Path, name: str) -> None:
    found = found_in(folder, name, marks=(f"file:{name}",))
    assert SECRET in base64.b64decode(found.files["one"][name]).decode() and found.private == {}


def test_a_mark_lets_a_file_travel_that_no_text_names(folder: Path) -> None:
    assert set(found_in(folder, marks=("file:rows.csv", "file:data/public.csv")).files["one"]) == {
        "rows.csv",
        "data/public.csv",
    }
    missing = found_in(folder, marks=("file:nothing.csv", "file:data"))
    (problem,) = check_files(pipeline_of(cell("1", "step:one")), missing)
    assert problem.code == "KF712" and "`nothing.csv`, `data`" in problem.message


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside/id_rsa", "data/../../outside/id_rsa", ""])
def test_a_mark_cannot_name_a_file_outside_of_the_folder(folder: Path, path: str) -> None:
    file = write(folder, notebook(cell("print(1)", "step:one", f"file:{path}")), "n.ipynb")
    done = CliRunner().invoke(cli, ["compile", str(file), "--engine", "argo"])
    assert done.exit_code == 1 and "KF201" in done.output


def test_the_patterns_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    """Git itself is the judge."""
    patterns = [
        "*.csv",
        "!keep.csv",
        "/top",
        "deep/**/x",
        "a/*/b",
        "dir/",
        "!dir/keep.csv",
        "# no",
        "\\#yes",
        "sp ace",
        "q?",
        "[ab]z",
        "**/any",
        "x/**",
        "!",
        "[",
        "[z-a]",
    ]
    names = [
        "a.csv", "keep.csv", "top", "sub/top", "deep/x", "deep/1/x", "deep/1/2/x", "a/1/b", "a/1/2/b", "dir/keep.csv", "sub/dir/f", "#yes",
        "sp ace", "q1", "q12", "az", "cz", "sub/any", "any/f", "x/1", "sub/x/1", "plain", "sub/keep.csv", "sub/a.csv",
    ]  # fmt: skip
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("\n".join(patterns))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".gitignore").write_text("!a.csv\nkeep.csv\n")
    asked = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"],
        cwd=tmp_path,
        input="\n".join(names),
        text=True,
        capture_output=True,
    )
    ignored = {line.strip('"') for line in asked.stdout.splitlines()}
    assert set(Privacy(tmp_path).reasons(names)) == ignored and ignored


def test_the_patterns_of_the_repository_above_count_and_a_folder_that_is_ignored_itself_is_used(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitignore").write_text("scratch/\n*.key\n")
    for name in ("scratch", "kept"):
        (tmp_path / name).mkdir()
        assert list(Privacy(tmp_path / name).reasons(["a.csv", "b.key"])) == ["b.key"]


def test_what_travels_is_told(folder: Path) -> None:
    file = write(
        folder,
        notebook(cell("import mine\nopen('rows.csv'), open('link.csv')", "step:one", "file:link.csv")),
        "n.ipynb",
    )
    done = CliRunner().invoke(cli, ["compile", str(file), "--engine", "argo", "-o", str(folder / "w.yaml"), "--json"])
    told = {f["path"]: f for f in json.loads(done.stdout)["files"]}
    assert set(told) == {"mine.py", "rows.csv", "link.csv"} and told["rows.csv"]["link"] is None
    assert told["rows.csv"] == {"path": "rows.csv", "bytes": 9, "steps": ["one"], "link": None}
    assert told["link.csv"]["link"] == str(folder.parent / "outside" / "id_rsa")
    done = CliRunner().invoke(cli, ["compile", str(file), "--engine", "kfp"])
    assert "files that travel with the steps: link.csv (0.0 kB, a link to" in done.stderr


# -------------------------------------------------------------------- scripts, commands, parameters
READS = [
    ("text = open(path).read()", ()),
    ("from pathlib import Path\ntext = (Path('data') / name).read_text()", ()),
    ("import os\ntext = open(os.path.join('data', 'rows.csv')).read()", ()),
    ("folder = 'data'\ntext = open(f'{folder}/rows.csv').read()", ()),
    ("cat data/rows.csv", ("shell",)),
    ('cat "$path" | sort', ("shell",)),
    ('cat < "${address#file://}"', ("shell",)),
    ('test -f "$path" && cat data/rows.csv', ("shell", "image:library/bash:4.4.23")),
    ('#!/bin/bash\ncat "${address#file://}"', ("shell", "image:library/bash:4.4.23")),
]


@pytest.mark.parametrize(("code", "marks"), READS, ids=[c for c, _ in READS])
def test_a_file_that_a_step_names_reaches_its_pod(
    cluster: Pods, tmp_path: Path, code: str, marks: tuple[str, ...]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("1,2\n")
    given = "path: str = 'data/rows.csv'\naddress: str = 'file://data/rows.csv'\nname: str = 'rows.csv'"
    prints = "" if marks else "\nprint(text)"
    pipeline = pipeline_of(cell(given, "parameters"), cell(code + prints, "step:one", *marks))
    values = {p.name: p.default for p in pipeline.parameters}
    (workflow,), problems = compile_documents(pipeline, "argo", ClusterOptions(), tmp_path, values)
    run = Interpreter(workflow, cluster, tmp_path)
    assert problems == [] and run.run(**values)["phase"] == "Succeeded", run.logs
    assert any(text.startswith("1,2\n") for text in run.logs.values()), run.logs


def test_the_value_of_a_parameter_names_the_file(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv", "out.csv"):
        (tmp_path / name).write_text("1\n")
    pipeline = pipeline_of(
        cell("path: str = 'a.csv'", "parameters"), cell("sort $path > out.csv\necho '# b.csv'", "step:one", "shell")
    )
    assert set(find_requirements(pipeline, tmp_path).files["one"]) == {"a.csv"}
    assert set(find_requirements(pipeline, tmp_path, values={"path": "b.csv"}).files["one"]) == {"b.csv"}


def test_the_files_of_a_container_without_python_fit_into_its_command(tmp_path: Path) -> None:
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(bytes(40_000))
    for marks, large in (((), {}), (("image:bash",), {"one": ("b.bin",)})):
        found = find_requirements(pipeline_of(cell("cat a.bin b.bin", "step:one", "shell", *marks)), tmp_path)
        assert found.too_large == large and "a.bin" in found.files["one"]


@pytest.mark.parametrize("image", [(), ("image:library/bash:4.4.23",)])
def test_a_shell_step_fails_when_any_part_of_its_pipe_fails(
    cluster: Pods, tmp_path: Path, image: tuple[str, ...]
) -> None:
    for script, phase in (
        ("cat nothing.txt | tee out.txt", "Failed"),
        ("yes | head -1", "Succeeded"),
        ("#!/bin/sh\ncat nothing.txt | tee out.txt", "Succeeded"),
    ):
        pipeline = pipeline_of(cell(script, "step:one", "shell", *image))
        (workflow,), _ = compile_documents(pipeline, "argo", ClusterOptions(), tmp_path, {})
        assert Interpreter(workflow, cluster, tmp_path).run()["phase"] == phase, script
        (tmp_path / "here").mkdir(exist_ok=True)
        summary = Here(tmp_path / "here").run(cell(script, "step:one", "shell", *image))
        assert summary["state"] == phase.lower(), script


@pytest.mark.parametrize("path", ["04-parallel-download.ipynb", "pipeline-cells/04-parallel-download.ipynb"])
def test_the_texts_beside_the_notebook_reach_the_pods(cluster: Pods, tmp_path: Path, path: str) -> None:
    source = source_of(str(NOTEBOOKS / path))
    pipeline = build_source(source, None).pipeline
    assert pipeline is not None
    values = {p.name: p.default for p in pipeline.parameters}
    for given, phase in ((values, "Succeeded"), ({**values, "url1": "nothing.txt"}, "Failed")):
        (workflow,), _ = compile_documents(pipeline, "argo", ClusterOptions(), source.folder, given)
        run = Interpreter(workflow, cluster, tmp_path)
        assert run.run(**{n: v for n, v in given.items() if isinstance(v, str)})["phase"] == phase, run.logs
