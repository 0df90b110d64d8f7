"""A lock keeps the versions and hashes of what the steps of a notebook need, for the runs of next month."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kfnb.cli import cli
from kfnb.images.locks import resolve_sets
from kfnb.images.locks.lock_file import BadLock, lock_beside, lock_path, lock_text, read_lock, write_lock
from kfnb.images.locks.lock_model import Lock, Unresolvable
from kfnb.images.locks.lock_pipeline import EVERYTHING, LockOptions, fitting_lock, lock_pipeline, misfits_now
from kfnb.images.locks.resolve_with_uv import uv_command
from kfnb.images.needs import installed_packages
from kfnb.pipeline.model import Pipeline
from kfnb.requirement_checks import PackageSources
from tests.images.package_index import PackageIndex, environment, package_index
from tests.notebooks import cell, notebook, write
from tests.running import pipeline_of

LOAD = cell("import frames\nrows = frames.version", "step:load")
TRAIN = cell("import learning\nmodel = (learning.version, rows)", "step:train")
COUNT = cell("count = len(rows)", "step:count")
REQUIRES = {"frames": "numbers_of", "learning": "numbers_of"}


@pytest.fixture(autouse=True)
def an_environment_that_changes_is_asked_again() -> Iterator[None]:
    yield
    forget()


def forget() -> None:
    installed_packages._search_path.cache_clear()
    installed_packages._packages_below.cache_clear()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[PackageIndex]:
    with package_index(tmp_path / "index") as found:
        for version in ("1.0", "1.1", "2.0"):
            found.add("frames", version, [REQUIRES["frames"]])
            found.add("learning", version, [REQUIRES["learning"], "helpers"])
            found.add("numbers_of", version)
            found.add("helpers", version)
        yield found


@pytest.fixture
def options(tmp_path: Path, index: PackageIndex) -> LockOptions:
    """An environment with the versions 1.0, and the index that has newer ones too."""
    wheels = [index.folder / f"{n}-1.0-py3-none-any.whl" for n in ("frames", "learning", "numbers_of")]
    python = environment(tmp_path / "kernel", *wheels)
    return LockOptions(sources=PackageSources(index.url), interpreter=python)


def versions(lock: Lock, step: str) -> dict[str, str]:
    found = lock.set_of(step)
    assert found is not None
    return {p.name: p.version for p in found.packages}


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_lock_has_the_versions_of_the_environment_and_the_hashes_of_the_index(
    tmp_path: Path, index: PackageIndex, options: LockOptions, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool == "pip":
        monkeypatch.setattr(resolve_sets, "uv_command", lambda: None)
    else:
        assert uv_command() is not None
    locked = lock_pipeline(pipeline_of(LOAD, TRAIN, COUNT), tmp_path, options)
    assert locked.notes == ()
    assert versions(locked.lock, "load") == {"frames": "1.0", "numbers-of": "1.0"}
    # nothing of the environment says a version of `helpers`
    assert versions(locked.lock, "train") == {"frames": "1.0", "helpers": "2.0", "learning": "1.0", "numbers-of": "1.0"}
    for one in locked.lock.sets:
        for package in one.packages:
            (wheel,) = package.wheels
            assert wheel.sha256 == index.sha256(wheel.name) and wheel.url.endswith(f"/files/{wheel.name}")


def test_steps_share_a_set_when_they_need_the_same_packages(tmp_path: Path, options: LockOptions) -> None:
    """`count` imports nothing, and its value needs what `load` needs; the parts of `both` are what `frames` brings."""
    both = cell("import numbers_of, frames\nboth = 1", "step:both")
    lock = lock_pipeline(pipeline_of(LOAD, COUNT, both), tmp_path, options).lock
    (one,) = lock.sets
    assert one.steps == ("load", "count", "both")
    assert {p.name: p.requested_by for p in one.packages} == {
        "frames": ("step:load", "step:count", "step:both"), "numbers-of": ("frames", "step:both"),
    }  # fmt: skip
    assert [p.name for p in one.required_by(["frames"])] == ["frames", "numbers-of"]


def test_an_image_or_a_marked_version_makes_a_set_of_its_own(tmp_path: Path, options: LockOptions) -> None:
    cells = (
        LOAD,
        cell("import frames\na = 1", "step:a", "image:team/base"),
        cell("import frames\nb = 1", "step:b", "package:frames>=2"),
    )
    lock = lock_pipeline(pipeline_of(*cells), tmp_path, options).lock
    assert [(s.steps, s.base_image) for s in lock.sets] == [(("load",), ""), (("a",), "team/base"), (("b",), "")]
    assert [versions(lock, s)["frames"] for s in ("load", "a", "b")] == ["1.0", "1.0", "2.0"]
    assert len({s.id for s in lock.sets}) == 3


def test_the_file_of_a_lock_is_read_as_it_was_written(tmp_path: Path, options: LockOptions) -> None:
    pipeline = pipeline_of(LOAD, TRAIN, COUNT)
    lock = lock_pipeline(pipeline, tmp_path, options).lock
    write_lock(lock, lock_path(pipeline, tmp_path))
    assert read_lock(tmp_path / "pylock.notebook.toml") == lock
    again = lock_pipeline(pipeline, tmp_path, options, lock).lock
    assert lock_text(again) == lock_text(lock)


def test_two_notebooks_with_pipelines_of_one_name_have_locks_of_their_own(tmp_path: Path) -> None:
    """An earlier version of kfnb named the file after the pipeline alone."""
    here, there = (replace(pipeline_of(LOAD), name="daily", notebook=f"{n}.ipynb") for n in ("here", "there"))
    old = Lock("daily", ())
    write_lock(old, tmp_path / "pylock.daily.toml")
    assert lock_beside(here, tmp_path) == lock_beside(there, tmp_path) == (tmp_path / "pylock.daily.toml", old)
    for one in (here, there):
        (tmp_path / str(one.notebook)).touch()
        write_lock(lock_pipeline(one, tmp_path, LockOptions(packages="none")).lock, lock_path(one, tmp_path))
    (tmp_path / "pylock.daily.toml").unlink()
    path, lock = lock_beside(here, tmp_path)
    assert path.name == "pylock.here--daily.toml" and lock is not None and lock.notebook == "here.ipynb"
    assert lock_beside(there, tmp_path)[0].name == "pylock.there--daily.toml"
    third = replace(here, notebook="third.ipynb")
    assert lock_beside(third, tmp_path) == (tmp_path / "pylock.third--daily.toml", None)
    (tmp_path / "here.ipynb").rename(tmp_path / "third.ipynb")
    assert lock_beside(third, tmp_path) == (path, lock)


def test_another_installer_installs_a_group_of_the_file(
    tmp_path: Path, index: PackageIndex, options: LockOptions
) -> None:
    """The file is one of PEP 751: uv reads it."""
    pipeline = pipeline_of(LOAD, TRAIN)
    lock = lock_pipeline(pipeline, tmp_path, options).lock
    write_lock(lock, lock_path(pipeline, tmp_path))
    uv, group = uv_command(), lock.set_of("load")
    assert uv is not None and group is not None
    command = [*uv, "pip", "install", "-r", "pylock.notebook.toml", "--group", group.id, "--target", "there"]
    done = subprocess.run([*command, "--python", sys.executable], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (tmp_path / "there").glob("*.py")) == ["frames.py", "numbers_of.py"]


def test_versions_stay_until_the_user_upgrades_them(tmp_path: Path, index: PackageIndex, options: LockOptions) -> None:
    pipeline = pipeline_of(LOAD, TRAIN)
    lock = lock_pipeline(pipeline, tmp_path, options).lock
    wheels = [index.folder / f"{n}-1.1-py3-none-any.whl" for n in ("frames", "learning", "numbers_of")]
    environment(tmp_path / "kernel", *wheels)
    forget()
    assert misfits_now(lock, pipeline, tmp_path, options) == {}
    kept = lock_pipeline(pipeline, tmp_path, options, lock).lock
    assert kept == lock
    one = lock_pipeline(pipeline, tmp_path, options, lock, {"frames"}).lock
    assert versions(one, "load") == {"frames": "1.1", "numbers-of": "1.0"}
    every = lock_pipeline(pipeline, tmp_path, options, lock, {EVERYTHING}).lock
    assert versions(every, "train") == {"frames": "1.1", "helpers": "2.0", "learning": "1.1", "numbers-of": "1.1"}


def test_versions_that_do_not_fit_together_are_given_up_and_told(
    tmp_path: Path, index: PackageIndex, options: LockOptions
) -> None:
    index.add("strict", "3.0", ["numbers_of>=2"])
    step = cell("import frames\nx = 1", "step:load", "package:strict")
    locked = lock_pipeline(pipeline_of(step), tmp_path, options)
    assert versions(locked.lock, "load") == {"frames": "2.0", "numbers-of": "2.0", "strict": "3.0"}
    (note,) = locked.notes
    assert note.startswith("load: the versions of the notebook's environment do not fit together")


def test_what_no_index_has_cannot_be_locked(tmp_path: Path, options: LockOptions) -> None:
    with pytest.raises(Unresolvable, match="nowhere-at-all"):
        lock_pipeline(pipeline_of(cell("x = 1", "step:a", "package:nowhere-at-all")), tmp_path, options)


def test_a_platform_that_no_installer_resolves_for_is_told(tmp_path: Path, options: LockOptions) -> None:
    other = replace(options, platforms=("linux/s390x",))
    with pytest.raises(Unresolvable, match=r"not for linux/s390x and Python .*: uv knows linux/amd64 and linux/arm64$"):
        lock_pipeline(pipeline_of(LOAD), tmp_path, other)


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_archives_beside_the_notebook_are_locked_with_what_they_require(
    tmp_path: Path, index: PackageIndex, options: LockOptions, tool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tool == "pip":
        monkeypatch.setattr(resolve_sets, "uv_command", lambda: None)
    beside = PackageIndex(tmp_path / "dist").add("mine", "0.1", ["frames"])
    pipeline = pipeline_of(cell("import mine\nx = 1", "step:a", f"package:./dist/{beside.name}"))
    lock = lock_pipeline(pipeline, tmp_path, options).lock
    mine = next(p for p in lock.sets[0].packages if p.name == "mine")
    assert mine.wheels[0].url == f"./dist/{beside.name}" and len(mine.wheels[0].sha256) == 64
    assert versions(lock, "a").keys() == {"frames", "mine", "numbers-of"}
    write_lock(lock, lock_path(pipeline, tmp_path))
    assert read_lock(lock_path(pipeline, tmp_path)) == lock


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_password_of_an_index_is_not_written(tmp_path: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tool == "pip":
        monkeypatch.setattr(resolve_sets, "uv_command", lambda: None)
    monkeypatch.setenv("INDEX_PASSWORD", "s3cret/word")
    with package_index(tmp_path / "index", "reader:s3cret/word") as index:
        index.add("frames", "1.0")
        url = index.url.replace("s3cret/word", "${INDEX_PASSWORD}")
        pipeline = pipeline_of(cell("x = 1", "step:a", "package:frames"))
        lock = lock_pipeline(pipeline, tmp_path, LockOptions(sources=PackageSources(url))).lock
        assert versions(lock, "a") == {"frames": "1.0"}
        text = lock_text(lock)
        assert "s3cret" not in text and "reader" not in text
        monkeypatch.delenv("INDEX_PASSWORD")
        with pytest.raises(Unresolvable, match="INDEX_PASSWORD"):
            lock_pipeline(pipeline, tmp_path, LockOptions(sources=PackageSources(url)))


def test_files_for_both_kinds_of_machine_are_in_one_lock(
    tmp_path: Path, index: PackageIndex, options: LockOptions
) -> None:
    tags = (
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp311-cp311-manylinux_2_17_aarch64",
        "cp312-cp312-manylinux_2_17_x86_64",
    )
    for tag in tags:
        index.add("fast", "1.0", ["only-here; platform_machine == 'x86_64'"], tag=tag)
    index.add("only-here", "1.0")
    pipeline = pipeline_of(cell("x = 1", "step:a", "package:fast", "image:python:3.11"))
    both = LockOptions(sources=options.sources, platforms=("linux/amd64", "linux/arm64"))
    (one,) = lock_pipeline(pipeline, tmp_path, both).lock.sets
    fast, only = one.packages
    assert [w.name for w in fast.wheels] == [f"fast-1.0-{tags[1]}.whl", f"fast-1.0-{tags[0]}.whl"]
    assert (fast.platforms, only.platforms) == ((), ("linux/amd64",))
    write_lock(Lock("notebook", (one,)), tmp_path / "pylock.x.toml")
    assert read_lock(tmp_path / "pylock.x.toml") == Lock("notebook", (one,))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((cell("import frames, learning\nrows = frames.version", "step:load"), TRAIN), "it needs learning too"),
        ((cell("rows = 1", "step:load"), TRAIN), "it does not need frames any more"),
        ((cell("import frames\nrows = frames.version", "step:load", "image:python:3.9"), TRAIN), "it runs on Python 3.9"),
        ((cell("import frames\nrows = frames.version", "step:load", "image:team/base"), TRAIN), "its image is team/base"),
        ((cell("import frames\nrows = frames.version", "step:other"), TRAIN), "it is not in the lock"),
    ],
)  # fmt: skip
def test_a_lock_that_does_not_fit_any_more_says_why(
    tmp_path: Path, options: LockOptions, change: tuple[dict[str, Any], ...], words: str
) -> None:
    lock = lock_pipeline(pipeline_of(LOAD, TRAIN), tmp_path, options).lock
    reasons = misfits_now(lock, pipeline_of(*change), tmp_path, options)
    assert words in next(iter(reasons.values()))


def test_a_lock_that_fits_is_taken_without_asking_the_index(
    tmp_path: Path, index: PackageIndex, options: LockOptions
) -> None:
    pipeline = pipeline_of(LOAD)
    lock = lock_pipeline(pipeline, tmp_path, options).lock
    write_lock(lock, lock_path(pipeline, tmp_path))
    index.asked.clear()
    assert fitting_lock(pipeline, tmp_path, options).lock == lock and index.asked == []
    more = pipeline_of(LOAD, TRAIN)
    found = fitting_lock(more, tmp_path, options).lock
    assert versions(found, "load") == versions(lock, "load") and found.set_of("train") is not None


@pytest.mark.parametrize("text", ["[", "lock-version = '1.0'", "[tool.kfnb]\nversion = 1", "[tool.kfnb]\nversion = 99"])
def test_a_file_that_is_no_lock_of_ours_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "pylock.x.toml").write_text(text)
    with pytest.raises(BadLock, match=r"^pylock\.x\.toml "):
        read_lock(tmp_path / "pylock.x.toml")


# ---------------------------------------------------------------- the command
def kfnb(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_the_command_writes_checks_and_upgrades(
    tmp_path: Path, index: PackageIndex, options: LockOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    python = str(options.interpreter)
    path = write(tmp_path, notebook(LOAD, COUNT), "train.ipynb")
    missing = kfnb("lock", str(path), "--check")
    assert missing.exit_code == 1 and "there is no pylock.train.toml" in missing.output
    done = kfnb("lock", str(path), "--python", python)
    assert done.exit_code == 0, done.output
    assert done.output == "  load, count: 2 packages for Python {}.{}\npylock.train.toml: written\n".format(
        *sys.version_info
    )
    assert kfnb("lock", str(path), "--check", "--python", python).exit_code == 0
    write(tmp_path, notebook(LOAD, COUNT, TRAIN), "train.ipynb")
    stale = kfnb("lock", str(path), "--check", "--python", python, "--json")
    assert stale.exit_code == 1 and json.loads(stale.output)["steps"] == {"train": "it is not in the lock"}
    environment(tmp_path / "kernel", index.folder / "frames-1.1-py3-none-any.whl")
    forget()
    upgraded = kfnb("lock", str(path), "--python", python, "--upgrade-package", "frames")
    assert upgraded.exit_code == 0, upgraded.output
    assert "  frames: 1.0 → 1.1\n  helpers: new, 2.0\n  learning: new, 1.0\n" in upgraded.output


def test_the_command_takes_the_environment_of_the_notebooks_kernel(
    tmp_path: Path, index: PackageIndex, options: LockOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", index.url)
    monkeypatch.setenv("PIP_INDEX_URL", index.url)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    folder = tmp_path / "jupyter" / "kernels" / "mine"
    folder.mkdir(parents=True)
    argv = [options.interpreter, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "mine", "language": "python"}))
    data = notebook(LOAD, metadata={"kernelspec": {"name": "mine", "display_name": "mine", "language": "python"}})
    path = write(tmp_path, data, "train.ipynb")
    done = kfnb("lock", str(path), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["sets"][0]["packages"] == {"frames": "1.0", "numbers-of": "1.0"}


def test_the_command_says_what_cannot_be_resolved(tmp_path: Path) -> None:
    pipeline: Pipeline = pipeline_of(LOAD)
    path = write(tmp_path, notebook(cell("x = 1", "step:a", "package:./dist/no-such-1.0-py3-none-any.whl")), "a.ipynb")
    done = kfnb("lock", str(path))
    assert done.exit_code == 1 and "no-such" in done.output and not lock_path(pipeline, tmp_path).exists()
    assert kfnb("lock", str(path), "--platform", "windows").exit_code == 2


def test_packages_of_the_system_make_a_set_of_its_own(tmp_path: Path, options: LockOptions) -> None:
    draw = cell("import frames\nb = 1", "step:draw", "apt:libgl1", "apt:git")
    pipeline = pipeline_of(LOAD, draw)
    lock = lock_pipeline(pipeline, tmp_path, options).lock
    assert [(s.steps, s.apt) for s in lock.sets] == [(("load",), ()), (("draw",), ("git", "libgl1"))]
    write_lock(lock, lock_path(pipeline, tmp_path))
    assert read_lock(lock_path(pipeline, tmp_path)) == lock
    changed = pipeline_of(LOAD, cell("import frames\nb = 1", "step:draw", "apt:git"))
    assert misfits_now(lock, changed, tmp_path, options) == {"draw": "its marks `apt:` are others"}
