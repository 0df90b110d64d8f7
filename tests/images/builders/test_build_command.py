"""The command ``kfnb build``, from a notebook to images in a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kfnb.cli import cli
from kfnb.cli.build_progress import shown
from kfnb.images.registry.oci_folder import OciFolder
from tests.engines.test_secrets import KEY, SECRETS, TOKEN, found_in, layers
from tests.images.small_base import make_base
from tests.images.wheels import make_wheel
from tests.notebooks import cell, notebook, write

NOTHING = notebook(cell("rows = [1, 2]", "step:load"), cell("print(sum(rows))", "step:train"))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    make_base(tmp_path / "base")
    return tmp_path


def kfnb(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, ["build", *map(str, words)])


def test_a_notebook_becomes_an_image(work: Path) -> None:
    path = write(work, NOTHING)
    first = kfnb(path, "--base", "oci:base", "--repository", "oci:images")
    assert first.exit_code == 0, first.output
    name, about, last = first.output.splitlines()
    assert name.startswith("oci:images@sha256:") and " · linux/" in about and about.startswith("  load, train · ")
    assert about.endswith(" of it new") and last.startswith("1 image in ")
    again = json.loads(kfnb(path, "--base", "oci:base", "--repository", "oci:images", "--json").output)
    (image,) = again["images"]
    assert (image["reference"], image["uploaded"], image["steps"]) == (name, 0, ["load", "train"])
    assert OciFolder(work / "images").manifest(image["tag"]) is not None


def test_packages_beside_the_notebook_are_in_the_image(work: Path) -> None:
    make_wheel(work, "numbers", files={"numbers_.py": "ONE = 1\n"})
    path = write(
        work,
        notebook(cell("import numbers_\nprint(numbers_.ONE)", "step:count", "package:./numbers-1.0-py3-none-any.whl")),
    )
    shown = kfnb(path, "--base", "oci:base", "--repository", "oci:images", "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "for count" in shown.output and "numbers 1.0" in shown.output and not (work / "images").exists()
    assert kfnb(path, "--base", "oci:base", "--repository", "oci:images").exit_code == 0
    shown = kfnb(path, "--base", "oci:base", "--repository", "oci:images", "--dry-run")
    assert "(is there already)" in shown.output.splitlines()[0]


def test_a_dockerfile_is_written_for_each_image(work: Path) -> None:
    path = write(work, NOTHING)
    done = kfnb(path, "--base", "python:3.11-slim", "--dockerfile", work / "files")
    assert done.exit_code == 0, done.output
    (written,) = (work / "files").glob("*/Dockerfile")
    assert done.output == f"{written}: for load, train\n" and "FROM python:3.11-slim\n" in written.read_text()


def test_neither_images_nor_dockerfiles_nor_the_cache_hold_a_secret(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_TOKEN", TOKEN)
    monkeypatch.setenv("DB_KEY", KEY)
    make_wheel(work, "numbers", files={"numbers_.py": "ONE = 1\n"})
    private = (".env", "id_rsa", "server.pem", "settings.json")
    for name in private:
        (work / name).write_text(f"token={TOKEN}\n{KEY}\n")
    reads = "\n".join(f"open({name!r}).read()" for name in private)
    marks = ("package:./numbers-1.0-py3-none-any.whl", "secret:db:/var/run/db", *SECRETS)
    path = write(
        work, notebook(cell(f"import numbers_, os\n{reads}\nprint(os.environ['DB_TOKEN'])", "step:count", *marks))
    )
    assert kfnb(path, "--base", "oci:base", "--repository", "oci:images").exit_code == 0
    assert kfnb(path, "--base", "python:3.11-slim", "--dockerfile", work / "files").exit_code == 0
    made = [p for f in ("images", "files", "cache") for p in (work / f).rglob("*") if p.is_file()]
    assert any(b"numbers_.py" in layer for p in made for layer in layers(p.read_bytes()))
    assert [p.name for p in made if found_in(p.read_bytes())] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "say where the images go: --repository registry.example.org/team/app, oci:FOLDER or docker-archive:FILE"),
        (["--repository", "oci:x", "--platform", "linux/vax"], "`linux/vax` is no platform that images are built for"),
        (["--repository", "oci:x", "--platform", "linux/amd64,linux/arm64", "--builder", "podman"], "a Dockerfile is run for one platform at a time"),
        (["--repository", "oci:x", "--target", "nowhere"], "there is no target `nowhere`"),
    ],
)  # fmt: skip
def test_a_wrong_command_line_is_refused(work: Path, options: list[str], message: str) -> None:
    done = kfnb(write(work, NOTHING), *options)
    assert done.exit_code == 2 and message in done.output


def test_a_base_image_that_is_not_there_ends_the_command(work: Path) -> None:
    path = write(work, NOTHING)
    command = [sys.executable, "-m", "kfnb", "build", str(path), "--base", "oci:nowhere", "--repository", "oci:images"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "kfnb: there is no image oci:nowhere\n")


def test_packages_of_the_system_are_in_the_dockerfile_of_their_steps(work: Path) -> None:
    path = write(
        work,
        notebook(cell("rows = [1, 2]", "step:load"), cell("print(rows)", "step:draw", "apt:graphviz", "apt:libgomp1")),
    )
    done = kfnb(path, "--base", "oci:base", "--repository", "oci:images")
    assert str(done.exception) == (
        "step draw: the system's packages graphviz, libgomp1 are no wheels. Build with --builder podman, buildah or docker, which run apt-get "
        "in the base image"
    )
    kfnb(path, "--base", "python:3.11-slim", "--dockerfile", work / "files")
    texts = sorted((f.read_text() for f in (work / "files").glob("*/Dockerfile")), key=len)
    assert ["graphviz libgomp1" in t for t in texts] == [False, True]


def test_a_changed_cell_needs_no_new_image(work: Path) -> None:
    path = write(work, NOTHING)
    first = json.loads(kfnb(path, "--base", "oci:base", "--repository", "oci:images", "--json").output)["images"]
    path = write(work, notebook(cell("rows = [1, 2, 3]", "step:load"), cell("print(max(rows))", "step:train")))
    second = json.loads(kfnb(path, "--base", "oci:base", "--repository", "oci:images", "--json").output)["images"]
    assert second == [{**first[0], "uploaded": 0}]


def test_prune_removes_layers_of_which_no_image_was_built_for_long(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KFNB_HOME", str(work / "home"))
    kfnb(write(work, NOTHING), "--base", "oci:base", "--repository", "oci:images")
    layers = work / "cache" / "kfnb" / "images" / "layers"
    prune = ["prune", "--keep", "1"]
    assert "unused wheels" not in CliRunner().invoke(cli, prune).output and list(layers.iterdir())
    for file in layers.iterdir():
        os.utime(file, (0, 0))
    assert "unused wheels, layers and packages deleted" in CliRunner().invoke(cli, prune).output and not list(
        layers.iterdir()
    )


def test_a_terminal_shows_whatever_a_builder_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with shown(quiet=False) as watch:
        watch("numpy", "download", 1, 2)
        watch("numpy", "upload", 2, 2)
        watch("podman builds registry.example.org/app:iris", "build", 0, 0)
