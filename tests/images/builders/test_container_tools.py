"""Images that a container tool builds: the Dockerfile, and what podman and buildah make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kfnb.images.builders.build_plan import CannotBuild, this_platform
from kfnb.images.builders.container_tools import ToolFailed, build_with, contexts
from kfnb.images.locks.lock_model import Lock, LockedFile, LockedPackage, RequirementSet
from tests.images.base_image import BaseImage, run
from tests.images.builders.podman_pods import RESTRICTED
from tests.images.wheels import locked, make_wheel

AMD64 = this_platform()


def lock_of(*packages: LockedPackage, apt: tuple[str, ...] = (), base: str = "") -> Lock:
    return Lock("iris", (RequirementSet("set-1", ("train", "test"), "3.11", packages, base, apt),))


def numbers(folder: Path) -> LockedPackage:
    wheel = make_wheel(
        folder,
        "numbers",
        entry_points="[console_scripts]\ncount = numbers:main\n",
        files={"numbers.py": "def main():\n    print(42)\n"},
    )
    file = locked(wheel)
    return LockedPackage("numbers", "1.0", (LockedFile(file.name, f"./{file.name}", file.sha256),))


def test_the_dockerfile_compiles_in_its_first_stage_and_has_every_hash(tmp_path: Path) -> None:
    sources = LockedPackage("old", "2.0", (), LockedFile("old-2.0.tar.gz", "https://files.example.org/old", "a" * 64))
    six = LockedPackage("six", "1.17.0", (LockedFile("six.whl", "https://files.example.org/six", "b" * 64),))
    (context,) = contexts(lock_of(sources, six, apt=("libgomp1",)), tmp_path, AMD64, "python:3.11-slim")
    assert context.files["requirements.txt"].decode() == (
        f"old==2.0 \\\n    --hash=sha256:{'a' * 64}\nsix==1.17.0 \\\n    --hash=sha256:{'b' * 64}\n"
    )
    text = context.files["Dockerfile"].decode()
    first, second = text.split("\nFROM ")[1:]
    assert (
        first.startswith("python:3.11-slim AS packages\n")
        and "build-essential" in first
        and "--require-hashes" in first
    )
    assert second.startswith("python:3.11-slim\n") and "build-essential" not in second and "libgomp1" in second
    assert second.endswith("USER 1000:0\n")


def test_podman_builds_what_runs_under_any_user(
    podman: BaseImage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "containers.conf"
    # Commands of a build need Debian's mirror.
    settings.write_text(
        (podman.layout.parent / "containers.conf").read_text().replace('netns = "none"', 'netns = "host"')
    )
    monkeypatch.setenv("CONTAINERS_CONF", str(settings))
    name = built("podman", lock_of(numbers(tmp_path), apt=("hello",)), podman, tmp_path)
    told = run(
        "podman", "run", *RESTRICTED, name, "sh", "-c", "hello; count; python3 -c 'import numbers; numbers.main()'"
    )
    assert told.split("\n")[1:] == ["42", "42", ""]


def test_buildah_builds_too(podman: BaseImage, tmp_path: Path) -> None:
    name = built("buildah", lock_of(), podman, tmp_path)
    assert run("podman", "run", *RESTRICTED, name, "sh", "-c", "echo $HOME") == "/home/kfnb\n"


def built(tool: str, lock: Lock, base: BaseImage, folder: Path) -> str:
    """The image that a tool has built and sent, in podman."""
    (image,) = build_with(tool, contexts(lock, folder, AMD64, base.name), AMD64, f"oci:{folder / 'images'}")
    shown = json.loads(run("skopeo", "inspect", f"oci:{folder / 'images'}:{image.tag}"))
    assert image.reference == f"oci:{folder / 'images'}@{shown['Digest']}"
    assert shown["Labels"]["io.readthedocs.kfnb.steps"] == "train,test"
    name = f"localhost/kfnb-test:{tool}"
    run("skopeo", "copy", "--quiet", f"oci:{folder / 'images'}:{image.tag}", f"containers-storage:{name}")
    return name


def test_what_a_tool_prints_is_in_its_error(podman: BaseImage, tmp_path: Path) -> None:
    made = contexts(lock_of(base="localhost/nowhere:latest"), tmp_path, AMD64, "")
    with pytest.raises(ToolFailed, match=r"`podman build` failed with status \d+:\n(.*\n)*.*localhost/nowhere"):
        build_with("podman", made, AMD64, f"oci:{tmp_path / 'images'}")


def test_a_tool_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for tool, program in (("podman", "podman"), ("buildkit", "buildctl")):
        with pytest.raises(
            CannotBuild, match=rf"{program} is not installed: install it, or build with another --builder"
        ):
            build_with(tool, (), AMD64, "registry.example.org/team/app")


@pytest.mark.parametrize(("tool", "program"), [("docker", "docker"), ("buildkit", "buildctl")])
def test_docker_and_buildkit_send_to_registries_only(
    tool: str, program: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    if tool == "buildkit":
        with pytest.raises(CannotBuild, match=r"say where BuildKit listens: set BUILDKIT_HOST"):
            build_with(tool, (), AMD64, "oci:images")
        monkeypatch.setenv("BUILDKIT_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(CannotBuild, match=rf"{program} sends images to registries only"):
        build_with(tool, (), AMD64, "oci:images")


def test_docker_is_told_what_to_build_and_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Docker cannot run here: a script in its place writes down what it is told."""
    told = tmp_path / "told"
    script = tmp_path / "bin" / "docker"
    script.parent.mkdir()
    digest = f"sha256:{'c' * 64}"
    script.write_text(
        f'#!/bin/sh\necho "$1 $2" >> {told}\n[ "$1" = image ] && echo \'["registry.example.org/team/app@{digest}"]\'\nexit 0\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    (image,) = build_with("docker", contexts(lock_of(), tmp_path, AMD64, ""), AMD64, "registry.example.org/team/app")
    assert image.reference == f"registry.example.org/team/app@{digest}"
    assert told.read_text().splitlines()[1] == f"push registry.example.org/team/app:{image.tag}"
